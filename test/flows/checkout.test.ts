import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { commandLine } from '../../src/domain/businesses/service.ts'
import { connect } from '../../src/domain/payment-channels/service.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import {
  type Answer,
  type Body,
  call,
  connectSandbox,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

const shopper = { customer_email: 'ada@example.com', amount: 4500, currency: 'NGN' }

describe('the hosted checkout', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
  })
  after(() => server.close())

  const publicKey = () => ({ authentication: `Bearer ${business.keys.test.public_key}` })
  const initialize = (body: object = {}, headers: Record<string, string> = {}) =>
    call(
      server.url,
      'POST',
      '/v1/sdk/initialize-payment-request',
      { ...shopper, ...body },
      { ...publicKey(), ...headers },
    )
  const pathOf = (answer: Answer) => new URL(answer.body.data.payment_request.checkout_url).pathname
  const stateOf = async (path: string): Promise<Body> => (await call(server.url, 'GET', `${path}/state`)).body
  const retrieve = async (ref: string): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)).body.data.payment_request
  const refOf = (answer: Answer): string => answer.body.data.payment_request.ref

  test('201 without payment_channel nothing is relayed; action is the checkout, without query or hash', async () => {
    const answer = await initialize({ reference: 'first', logo: 'https://shop.example/logo.png' })
    assert.equal(answer.status, 201, answer.text)
    const { payment_request, should_redirect, action } = answer.body.data
    assert.deepEqual(Object.keys(payment_request).slice(0, 4), ['uuid', 'ref', 'checkout_url', 'intent'])
    assert.equal(should_redirect, false)
    assert.equal(action, payment_request.checkout_url)
    assert.match(action, /^http:\/\/localhost:\d+\/checkout\/[\w-]{43}$/)
    assert.deepEqual([payment_request.status, payment_request.last_transaction], ['new', null])
    const channels: Body[] = payment_request.business.active_payment_channels
    assert.deepEqual(
      channels.map((one) => [one.payment_channel_slug, one.is_enabled, one.is_default]),
      [
        ['paystack', 1, 1],
        ['flutterwave', 1, 0],
        ['stripe', 1, 0],
      ],
    )
    const connected = (await business.api('POST', '/v1/payment-requests', shopper)).body.data.payment_request
      .last_transaction.business_payment_channel
    assert.deepEqual(channels[0], {
      ...connected,
      webhook_url: null,
      business: { ...connected.business, webhook_url: null },
    })
    assert.deepEqual(Object.keys(channels[0]), Object.keys(connected), 'keys in the documented order')
    assert.equal(payment_request.business.webhook_url, null, "hooks are nobody's business in a browser")
    assert.ok(!answer.text.includes('/v1/system/hooks/'))
    const { timeline_records } = await retrieve(payment_request.ref)
    assert.deepEqual(
      timeline_records.map((line: Body) => line.summary),
      ['Payment initiated'],
    )
  })

  test('201 with payment_channel: should_redirect, and action is the page of that channel', async () => {
    const answer = await initialize({ payment_channel: 'flutterwave' })
    assert.equal(answer.status, 201, answer.text)
    const { payment_request, should_redirect, action } = answer.body.data
    assert.equal(should_redirect, true)
    assert.match(action, /\/sandbox\/flutterwave\//)
    assert.equal(payment_request.last_transaction.payment_channel_slug, 'flutterwave')
    assert.ok(!answer.text.includes('/v1/system/hooks/'))
  })

  test('what the SDK lets through is refused with the field named, and errors carry the CORS headers', async () => {
    const wrong: [object, string, number, string][] = [
      [{ amount: null }, 'amount', 422, '005'],
      [{ amount: -5 }, 'amount', 422, '005'],
      [{ amount: 0 }, 'amount', 422, '005'],
      [{ amount: 1.001 }, 'amount', 422, '005'],
      [{ customer_email: undefined }, 'customer_uuid', 422, '005'],
      [{ logo: 'javascript:alert(1)' }, 'logo', 422, '005'],
      [{ success_redirect_url: 'ftp://x.example' }, 'success_redirect_url', 422, '005'],
      [{ payment_channel: 'nowhere' }, 'payment_channel', 400, '031'],
    ]
    for (const [change, field, status, code] of wrong) {
      const answer = await initialize(change, { origin: 'https://shop.example' })
      expectFailure(answer, { status, code, fields: [field] }, JSON.stringify(change))
      assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    }
    const { keys } = business
    for (const [key, code] of [
      [keys.test.secret_key, '003'],
      [keys.test.public_key.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')), '004'],
      ['', '003'],
    ] as const) {
      const answer = await initialize({}, { authentication: `Bearer ${key}`, origin: 'https://shop.example' })
      expectFailure(answer, { status: 401, code })
      assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    }
    const unknown = await call(server.url, 'GET', '/v1/sdk/nothing', undefined, { ...publicKey(), origin: 'null' })
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers.get('access-control-allow-origin'), '*')
  })

  test('a preflight from any origin is answered without a key; the other API has no CORS', async () => {
    const preflight = (path: string) =>
      call(server.url, 'OPTIONS', path, undefined, {
        origin: 'https://shop.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authentication,content-type',
      })
    const open = await preflight('/v1/sdk/initialize-payment-request')
    assert.equal(open.status, 204, open.text)
    assert.equal(open.headers.get('access-control-allow-origin'), '*')
    assert.match(open.headers.get('access-control-allow-headers') ?? '', /authentication.*content-type/)
    const closed = await preflight('/v1/payment-requests')
    assert.equal(closed.headers.get('access-control-allow-origin'), null)
  })

  test('400 a live key of a business without live channels: 030, nothing written', async () => {
    const answer = await initialize(
      { reference: 'live' },
      { authentication: `Bearer ${business.keys.live.public_key}` },
    )
    expectFailure(answer, { status: 400, code: '030' })
    const listed = await business.live('GET', '/v1/payment-requests')
    assert.equal(listed.body.data.payment_requests.total, 0)
  })

  test('a buyer picks a channel, is declined, picks another and pays; the page is told each time, the outcome counts once', async () => {
    const answer = await initialize()
    const path = pathOf(answer)
    const first = await call(server.url, 'POST', `${path}/relay`, { payment_channel: 'paystack', via: 'window' })
    assert.equal(first.status, 201, first.text)
    const told = await follow(server.url + path)
    const paystackRef = (await retrieve(refOf(answer))).last_transaction.ref
    await payAtSandbox(server.url, paystackRef, 'failed')
    await call(server.url, 'POST', `${path}/check`, {})
    await until('the page to be told of the refusal', () => told.states.some((one) => one.attempt?.status === 'failed'))
    const second = await call(server.url, 'POST', `${path}/relay`, { payment_channel: 'stripe' })
    assert.equal(second.status, 201, second.text)
    const stripeRef = (await retrieve(refOf(answer))).last_transaction.ref
    await payAtSandbox(server.url, stripeRef, 'success', 'stripe')
    const paid = await until('the page to be told of the payment', () =>
      told.states.find((one) => one.status === 'successful'),
    )
    told.stop()
    assert.equal(paid.paymentRequest.ref, refOf(answer))
    assert.equal(paid.paymentRequest.last_transaction.business_payment_channel, null)
    assert.ok(!JSON.stringify(told.states).includes('/v1/system/hooks/'))
    assert.equal((await retrieve(refOf(answer))).status, 'successful')
  })

  test('200 the page: its own style and script alone, not kept, framed by every site in test mode', async () => {
    const answer = await initialize({ description: '<img src=x onerror=alert(1)>', logo: 'https://cdn.example/a.png' })
    const page = await call(server.url, 'GET', `${pathOf(answer)}?publickey=${business.keys.test.public_key}`)
    assert.equal(page.status, 200)
    assert.ok(!page.text.includes('<img src=x'), 'a description is text')
    assert.equal(page.headers.get('cache-control'), 'no-store')
    const policy = page.headers.get('content-security-policy') ?? ''
    const [, nonce] = /script-src 'nonce-([^']{16,})'/.exec(policy) ?? []
    assert.match(policy, /^default-src 'none'; .*frame-ancestors \*$/)
    assert.match(policy, /img-src data: https:\/\/cdn\.example;/)
    for (const [, found] of page.text.matchAll(/<(?:script|style)[^>]*nonce="([^"]+)"/g)) assert.equal(found, nonce)
    assert.ok(!/<input|<[^>]*\s(on\w+|style)=/i.test(page.text), 'no field, no handler, no style beside the nonce')
    const again = await call(server.url, 'GET', pathOf(answer))
    assert.ok(!again.headers.get('content-security-policy')?.includes(String(nonce)), 'another nonce for every answer')
  })

  test('200 a live page is framed by the sites that the business names, and by no other', async () => {
    const shop = await server.business()
    await shop.live('PUT', '/v1/business', {
      allowed_domains: ['https://shop.example', '*.shop.example'],
      default_redirect_url: 'https://home.example/after?x=1',
    })
    const { ctx } = server
    const owner = { businessId: shop.id, envMode: 'live', actor: commandLine } as const
    const fields = { secret_key: `sk_live_${'a'.repeat(40)}` }
    await connect(ctx, { ...owner, slug: 'paystack', fields, makeDefault: true })
    const made = await initialize({}, { authentication: `Bearer ${shop.keys.live.public_key}` })
    const page = await call(server.url, 'GET', pathOf(made))
    assert.match(
      page.headers.get('content-security-policy') ?? '',
      /frame-ancestors 'self' https:\/\/shop\.example \*\.shop\.example https:\/\/home\.example$/,
    )
    expectFailure(await shop.live('PUT', '/v1/business', { allowed_domains: ["'none'; script-src *"] }), {
      status: 422,
      code: '005',
      fields: ['allowed_domains'],
    })
  })

  test('the link for sharing shows what is paid and leads to the checkout; an ended one says how it ended', async () => {
    const answer = await initialize({ description: 'A shared bill' })
    const shared = await call(server.url, 'GET', `/pay/${refOf(answer)}`)
    assert.equal(shared.status, 200)
    assert.match(shared.text, /A shared bill/)
    assert.match(shared.text, /<svg/)
    assert.ok(shared.text.includes(pathOf(answer)))
    const receipt = await fetch(`${server.url}${pathOf(answer)}/success`, { redirect: 'manual' })
    assert.equal(receipt.status, 303, 'no receipt for what is not paid')
    await business.api('PATCH', `/v1/payment-requests/${refOf(answer)}/cancel`)
    const ended = await call(server.url, 'GET', `/pay/${refOf(answer)}`)
    assert.ok(!ended.text.includes(pathOf(answer)), 'nothing to pay any more')
    for (const path of ['/pay/AsP-0000000000000', '/pay/first', '/checkout/x', '/checkout/x/success']) {
      const missing = await call(server.url, 'GET', path)
      assert.equal(missing.status, 404, path)
      assert.match(missing.headers.get('content-type') ?? '', /^text\/html/)
    }
  })

  test('a form without script is sent on to the page of the channel', async () => {
    const path = pathOf(await initialize())
    const response = await fetch(`${server.url}${path}/relay`, {
      method: 'POST',
      body: new URLSearchParams({ payment_channel: 'paystack' }),
      redirect: 'manual',
    })
    assert.equal(response.status, 303)
    assert.match(response.headers.get('location') ?? '', /\/sandbox\/paystack\//)
  })

  test('the way back leads to the checkout; from a window of its own to a page that says so', async () => {
    for (const [via, target] of [
      ['page', ''],
      ['window', '/returned'],
    ] as const) {
      const answer = await initialize({ success_redirect_url: 'https://shop.example/done' })
      const path = pathOf(answer)
      await call(server.url, 'POST', `${path}/relay`, { payment_channel: 'paystack', via })
      const { last_transaction } = await retrieve(refOf(answer))
      const paid = await payAtSandbox(server.url, last_transaction.ref)
      const back = await fetch(paid.body.redirect_url ?? paid.body.redirectUrl, { redirect: 'manual' })
      assert.equal(back.status, 303)
      assert.equal(new URL(back.headers.get('location') ?? '').pathname, path + target)
      assert.equal((await stateOf(path)).status, 'successful', 'asked on the way')
    }
  })

  test("the page leads to the shop's addresses with their query byte for byte, ours appended", async () => {
    const query = 'reference=order%207&q=a%20b+c&tpl={ORDER}&e&e='
    const addresses = {
      success_redirect_url: `https://shop.example/done?${query}#top`,
      cancel_redirect_url: `https://shop.example/no?payment_request_ref=mine&${query}`,
      reference: 'cart 7',
    }
    const answer = await initialize(addresses)
    const page = await call(server.url, 'GET', pathOf(answer))
    const [, data = ''] = /<script type="application\/json"[^>]*>([\s\S]*?)<\/script>/.exec(page.text) ?? []
    const { successUrl, failureUrl } = JSON.parse(data)
    const ref = refOf(answer)
    const own = `payment_request_ref=${ref}&asyncpay_reference=cart%207`
    assert.equal(successUrl, `https://shop.example/done?${query}&${own}#top`)
    assert.equal(failureUrl, `${addresses.cancel_redirect_url}&asyncpay_${own}`)
  })

  test('404 a token that is altered, of another key, or of nothing opens nothing', async () => {
    const path = pathOf(await initialize())
    const [other] = pathOf(await initialize())
      .split('/')
      .slice(-1)
    const token = path.split('/').at(-1) ?? ''
    const mixed = token.slice(0, 21) + other?.slice(21)
    for (const wrong of [mixed, `${token}A`, token.slice(1), 'x', `${'A'.repeat(43)}`, `${token.slice(0, -1)}!`]) {
      for (const [method, rest] of [
        ['GET', '/state'],
        ['GET', '/events'],
        ['POST', '/check'],
        ['POST', '/cancel'],
        ['POST', '/relay'],
      ] as const) {
        const answer = await call(
          server.url,
          method,
          `/checkout/${wrong}${rest}`,
          method === 'POST' ? { payment_channel: 'paystack' } : undefined,
        )
        expectFailure(answer, { status: 404, code: '007' }, `${method} ${wrong}${rest}`)
      }
    }
  })

  test('amount, currency and channel cannot be changed from the browser', async () => {
    const answer = await initialize()
    const path = pathOf(answer)
    const relayed = await call(server.url, 'POST', `${path}/relay`, {
      payment_channel: 'paystack',
      amount: 1,
      currency: 'USD',
      payment_request_ref: 'another',
    })
    assert.equal(relayed.status, 201)
    const { last_transaction } = await retrieve(refOf(answer))
    assert.deepEqual([last_transaction.amount, last_transaction.currency], ['4500', 'NGN'])
    expectFailure(await call(server.url, 'POST', `${path}/relay`, { payment_channel: 'monnify' }), {
      status: 400,
      code: '031',
      fields: ['payment_channel'],
    })
  })

  test('cancelled and expired requests relay nothing; a cancel after the payment changes nothing', async () => {
    const given = await initialize()
    const cancelled = await call(server.url, 'POST', `${pathOf(given)}/cancel`)
    assert.equal(cancelled.body.status, 'cancelled', cancelled.text)
    assert.equal((await retrieve(refOf(given))).status, 'cancelled')
    expectFailure(await call(server.url, 'POST', `${pathOf(given)}/relay`, { payment_channel: 'paystack' }), {
      status: 409,
      code: '040',
    })
    const paid = await initialize()
    await call(server.url, 'POST', `${pathOf(paid)}/relay`, { payment_channel: 'paystack' })
    await payAtSandbox(server.url, (await retrieve(refOf(paid))).last_transaction.ref)
    expectFailure(await call(server.url, 'POST', `${pathOf(paid)}/cancel`), { status: 409, code: '040' })
    assert.equal((await retrieve(refOf(paid))).status, 'successful')
  })

  test('a channel that is disabled is not offered any more, and one that does not take the currency never', async () => {
    const other = await server.business()
    await connectSandbox(server.ctx, other.id, 'stripe')
    const key = { authentication: `Bearer ${other.keys.test.public_key}` }
    const answer = await initialize({ currency: 'JPY', amount: 5000 }, key)
    assert.deepEqual(
      answer.body.data.payment_request.business.active_payment_channels.map((one: Body) => one.payment_channel_slug),
      ['stripe'],
    )
  })
})

/** What the event stream tells, until stopped. */
async function follow(url: string): Promise<{ states: Body[]; stop(): void }> {
  const aborting = new AbortController()
  const response = await fetch(`${url}/events`, { signal: aborting.signal })
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  const states: Body[] = []
  const read = async () => {
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('utf8')
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) if (event.startsWith('data: ')) states.push(JSON.parse(event.slice(6)))
    }
  }
  read().catch(() => {})
  await until('the first state', () => states.length > 0)
  return { states, stop: () => aborting.abort() }
}
