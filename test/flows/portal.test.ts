import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { forgetEndedLinks } from '../../src/domain/portal/service.ts'
import { dayMs, hourMs, minuteMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { portalOf, postForm, textOf } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { cards, methodsOf, saveCard } from '../support/saved.ts'
import {
  type Answer,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import {
  advance,
  chargesOf,
  createPlan,
  mailsTo,
  periodsOf,
  subscribe,
  subscriptionOf,
} from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

let customers = 0
async function newCustomer(business: TestBusiness, mode: 'api' | 'live' = 'api', name = 'Ada Obi'): Promise<Body> {
  customers += 1
  const email = `portal-${customers}@example.com`
  const answer = await business[mode]('POST', '/v1/customers', { email, name })
  assert.equal(answer.status, 201, answer.text)
  return answer.body.data
}

/** The page after a change: where its 303 leads. */
async function follow(server: TestServer, answer: Answer): Promise<Answer> {
  assert.equal(answer.status, 303, answer.text)
  return await server.call('GET', String(answer.headers.get('location')))
}

const nobody = '00000000-0000-7000-8000-000000000000'

describe('a link to the portal', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server, 'Sade Kitchen')
  })
  after(() => server.close())

  test('201 opens the page of its customer for an hour, and leads back to return_url', async () => {
    const { uuid } = await newCustomer(business)
    const path = `/v1/customers/${uuid}/portal-link`
    const before = Date.now()
    const answer = await business.api('POST', path, { return_url: 'https://shop.example/account' })
    assert.equal(answer.status, 201, answer.text)
    assert.deepEqual(Object.keys(answer.body), ['message', 'status', 'data'])
    const { link, expires_at } = answer.body.data
    assert.match(link, /^http:\/\/localhost:\d+\/portal\/[\w-]{43}$/)
    assert.ok(Math.abs(Date.parse(expires_at) - before - hourMs) < minuteMs, expires_at)
    const page = await server.call('GET', new URL(link).pathname)
    assert.equal(page.status, 200, page.text)
    const shown = textOf(page.text)
    for (const words of ['Sade Kitchen', 'Ada Obi', 'Your subscriptions', 'Your cards', 'No card is saved here']) {
      assert.ok(shown.includes(words), words)
    }
    assert.match(page.text, /href="https:\/\/shop.example\/account"/)
    const { headers } = page
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('set-cookie'), null)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /script-src 'none'; style-src 'nonce-[^']+'.*form-action 'self'.*frame-ancestors 'none'$/)
    assert.ok(page.text.includes(`<style nonce="${/style-src 'nonce-([^']+)'/.exec(policy)?.[1]}">`))
    assert.doesNotMatch(page.text, /<script/)
  })

  test("404 for another business's or mode's customer, and nobody's; 422 for a body that is wrong", async () => {
    const { uuid } = await newCustomer(business)
    const live = await newCustomer(business, 'live')
    const other = await newCustomer(await server.business('Other'))
    for (const id of [live.uuid, other.uuid, nobody, 'nothing']) {
      expectFailure(await business.api('POST', `/v1/customers/${id}/portal-link`, {}), { status: 404, code: '007' }, id)
    }
    for (const body of [{ return_url: 'javascript:alert(1)' }, { return_url: 5 }, { send: 'yes' }]) {
      const fields = Object.keys(body)
      const answer = await business.api('POST', `/v1/customers/${uuid}/portal-link`, body)
      expectFailure(answer, { status: 422, code: '005', fields }, JSON.stringify(body))
    }
  })

  test('201 with send the customer gets it by mail, once, also where the request is repeated', async () => {
    const { uuid, email } = await newCustomer(business)
    const send = () =>
      business.api('POST', `/v1/customers/${uuid}/portal-link`, { send: true }, { 'idempotency-key': `send-${uuid}` })
    const first = await send()
    assert.equal(first.status, 201, first.text)
    assert.equal((await send()).text, first.text, 'the same link')
    const mails = await until('the mail', async () => {
      const found = (await server.call('GET', `/sandbox/control/mails?to=${encodeURIComponent(email)}`)).body
      return found.length > 0 && found
    })
    assert.deepEqual([mails.length, mails[0].times_received], [1, 1])
    assert.ok(mails[0].text.includes(first.body.data.link) && mails[0].html.includes(first.body.data.link))
    assert.ok(mails[0].text.includes('1 hour'))
  })

  test('404 a token that is altered, cut, or of another purpose opens nothing', async () => {
    const customer = await newCustomer(business)
    const path = await portalOf(business, customer.uuid)
    const token = path.slice('/portal/'.length)
    const other = (await portalOf(business, (await newCustomer(business)).uuid)).slice('/portal/'.length)
    const checkout = await business.api('POST', '/v1/payment-requests/save-payment-method', {
      customer_uuid: customer.uuid,
    })
    const { ref } = checkout.body.data.payment_request
    const shared = await server.call('GET', `/pay/${ref}`)
    const checkoutToken = /\/checkout\/([\w-]{43})/.exec(shared.text)?.[1]
    assert.ok(checkoutToken, shared.text)
    const wrong = [token.slice(0, 20) + other.slice(20), `${token}A`, token.slice(1), 'x', checkoutToken]
    for (let at = 0; at < token.length; at += 6) {
      wrong.push(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1))
    }
    for (const one of wrong) {
      const answer = await server.call('GET', `/portal/${one}`)
      assert.equal(answer.status, 404, one)
      assert.match(textOf(answer.text), /This link is not known/)
      assert.doesNotMatch(answer.text, /Ada Obi|Sade Kitchen/)
      assert.equal((await postForm(server, `/portal/${one}/cards`)).status, 404, one)
    }
    assert.equal((await server.call('GET', `/checkout/${token}`)).status, 404, 'nor the other way round')
  })

  test('404 of a customer who is gone; the pages speak the reader’s language', async () => {
    const { uuid } = await newCustomer(business)
    const path = await portalOf(business, uuid)
    const french = await server.call('GET', path, undefined, { 'accept-language': 'fr-CI,en;q=0.5' })
    assert.match(french.text, /<html lang="fr">[\s\S]*Vos abonnements/)
    assert.equal(french.headers.get('content-language'), 'fr')
    await business.api('DELETE', `/v1/customers/${uuid}`)
    assert.equal((await server.call('GET', path)).status, 404)
  })

  test('410 after an hour it opens nothing more, and says whom to ask', async () => {
    const clocked = await startTestServer({ backend: 'postgres' })
    try {
      const shop = await threeChannels(clocked, 'Bola Books')
      const { customer, method } = await saveCard(clocked, shop, 'paystack')
      const path = await portalOf(shop, customer)
      clocked.clock.advance(59 * minuteMs)
      assert.equal((await clocked.call('GET', path)).status, 200)
      clocked.clock.advance(minuteMs)
      const over = await clocked.call('GET', path)
      assert.equal(over.status, 410)
      assert.match(textOf(over.text), /This link has expired .*Ask Bola Books for a new one/)
      assert.doesNotMatch(over.text, /<form|4081/)
      assert.equal((await postForm(clocked, `${path}/cards/${method}/remove`)).status, 410)
      assert.equal((await methodsOf(shop, customer)).length, 1, 'nothing was removed')
      // It says so for 30 days; then the row goes, and with it all that is known of the link.
      assert.equal(await forgetEndedLinks(clocked.ctx), 0)
      clocked.clock.advance(30 * dayMs + minuteMs)
      assert.equal(await forgetEndedLinks(clocked.ctx), 1)
      assert.equal((await clocked.call('GET', path)).status, 404)
    } finally {
      await clocked.close()
    }
  })
})

test('429 an address that tries many tokens is told to wait, in words; the API goes on', async () => {
  const server = await startTestServer({ backend: 'postgres' })
  try {
    const business = await server.business()
    // The limit is 600 a minute, and honest visitors need far less.
    let last: Answer | undefined
    for (let tries = 0; tries < 700 && last === undefined; tries += 50) {
      const paths = Array.from({ length: 50 }, (_, index) => `/portal/guess-${tries + index}`)
      const answers = await Promise.all(paths.map((path) => server.call('GET', path)))
      last = answers.find(({ status }) => status !== 404)
    }
    assert.equal(last?.status, 429)
    assert.match(textOf(last.text), /Too many tries/)
    assert.ok(Number(last.headers.get('retry-after')) > 0)
    assert.equal((await business.api('GET', '/v1/customers')).status, 200)
  } finally {
    await server.close()
  }
})

describe('cards on the portal', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server, 'Sade Kitchen')
  })
  after(() => server.close())

  /** A customer with a card at two channels, the first of them the default, and the path of their page. */
  async function twoCards() {
    const { email, uuid } = await newCustomer(business)
    const first = await saveCard(server, business, 'paystack', undefined, email)
    const second = await saveCard(server, business, 'stripe', undefined, email)
    return { uuid, first: first.method, second: second.method, path: await portalOf(business, uuid) }
  }
  const stateOf = async (customer: string) =>
    (await methodsOf(business, customer)).map(({ uuid, is_default }: Body) => [uuid, is_default]).reverse()

  test('the default changes exactly when its button is pressed, and pressing it twice changes nothing more', async () => {
    const { uuid, first, second, path } = await twoCards()
    const page = await server.call('GET', path)
    assert.match(textOf(page.text), /Visa ending in 4242 .*Make default .*Visa ending in 4081 Default/)
    assert.deepEqual(await stateOf(uuid), [
      [first, 1],
      [second, 0],
    ])
    for (const _ of ['once', 'twice']) {
      const after = await follow(server, await postForm(server, `${path}/cards/${second}/default`))
      assert.match(textOf(after.text), /ending in 4242 is now your default/)
      assert.deepEqual(await stateOf(uuid), [
        [first, 0],
        [second, 1],
      ])
    }
    // The browser's word alone tells nothing.
    const claimed = await server.call('GET', `${path}?done=default&of=${first}`)
    assert.doesNotMatch(textOf(claimed.text), /is now your default/)
  })

  test('a card is removed after a question, once, and no other', async () => {
    const { uuid, first, second, path } = await twoCards()
    const asked = await server.call('GET', `${path}/cards/${first}/remove`)
    assert.match(textOf(asked.text), /Remove Visa ending in 4081\?/)
    assert.deepEqual(
      await stateOf(uuid),
      [
        [first, 1],
        [second, 0],
      ],
      'asking removes nothing',
    )
    for (const _ of ['once', 'twice']) {
      const after = await follow(server, await postForm(server, `${path}/cards/${first}/remove`))
      assert.match(textOf(after.text), /The card was removed/)
      assert.deepEqual(await stateOf(uuid), [[second, 1]])
    }
    const both = await Promise.all([1, 2].map(() => postForm(server, `${path}/cards/${second}/remove`)))
    assert.deepEqual(
      both.map(({ status }) => status),
      [303, 303],
      'a double click',
    )
    assert.deepEqual(await stateOf(uuid), [])
    assert.equal((await server.call('GET', `${path}/cards/${first}/remove`)).status, 404)
  })

  test('a new card is paid for on a checkout page, and shows when the customer comes back', async () => {
    const { uuid } = await newCustomer(business)
    const path = await portalOf(business, uuid)
    const answer = await postForm(server, `${path}/cards`)
    assert.equal(answer.status, 303, answer.text)
    const checkout = new URL(String(answer.headers.get('location'))).pathname
    assert.match(checkout, /^\/checkout\/[\w-]{43}$/)
    const opened = await postForm(server, `${checkout}/relay`, { payment_channel: 'stripe' })
    assert.equal(opened.status, 303, opened.text)
    const list = await business.api('GET', `/v1/payment-requests?customer_uuid=${uuid}`)
    const [request] = list.body.data.payment_requests.data
    assert.deepEqual([request.intent, request.status], ['save_payment_method', 'open'])
    await payAtSandbox(server.url, request.last_transaction.ref, 'success', 'stripe', '4242424242424242')
    await until('the card', async () => (await methodsOf(business, uuid)).length === 1)
    const state = await server.call('GET', `${checkout}/state`)
    assert.equal(state.body.status, 'successful')
    const done = await server.call('GET', checkout)
    const back = new URL(/href="([^"]*\/portal\/[^"]*)"/.exec(done.text)?.[1]?.replaceAll('&#38;', '&') ?? '')
    assert.equal(back.pathname, path)
    const page = await server.call('GET', back.pathname + back.search)
    assert.match(textOf(page.text), /Visa ending in 4242 Default/)
  })

  test('where no channel can save a card the page says so', async () => {
    const shop = await threeChannels(server, 'Closed')
    const { uuid } = await newCustomer(shop)
    const path = await portalOf(shop, uuid)
    await server.ctx.db
      .updateTable('business_payment_channels')
      .set({ is_enabled: false })
      .where('business_id', '=', shop.id)
      .execute()
    const page = await until('the accounts to be read again', async () => {
      const answer = await postForm(server, `${path}/cards`)
      return answer.status !== 303 && answer
    })
    assert.equal(page.status, 400)
    assert.match(textOf(page.text), /No card can be added right now .*ask Closed\. Back to your subscriptions/)
  })

  test("404 another customer's, business's or mode's card looks like none, and stays as it is", async () => {
    const { uuid, path } = await twoCards()
    const before = await stateOf(uuid)
    const mate = await twoCards()
    const shop = await threeChannels(server, 'Other Shop')
    const strange = await saveCard(server, shop, 'paystack')
    for (const [owner, customer, method] of [
      [business, mate.uuid, mate.first],
      [shop, strange.customer, strange.method],
    ] as const) {
      const known = await methodsOf(owner, customer)
      for (const answer of [
        await server.call('GET', `${path}/cards/${method}/remove`),
        await postForm(server, `${path}/cards/${method}/remove`),
        await postForm(server, `${path}/cards/${method}/default`),
      ]) {
        assert.equal(answer.status, 404, answer.text)
        assert.match(textOf(answer.text), /There is nothing here .*Back to your subscriptions/)
        assert.doesNotMatch(answer.text, /4081|4242/)
      }
      assert.deepEqual(await methodsOf(owner, customer), known)
    }
    for (const [id, status] of [
      [nobody, 404],
      ['nothing', 404],
      ['%00', 422],
    ] as const) {
      assert.equal((await postForm(server, `${path}/cards/${id}/remove`)).status, status, id)
    }
    assert.deepEqual(await stateOf(uuid), before)
  })
})

describe('subscriptions on the portal', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server, 'Sade Kitchen')
  })
  after(() => server.close())

  async function subscriber(options: Parameters<typeof subscribe>[3] = {}, fields: Record<string, unknown> = {}) {
    const plan = await createPlan(business, fields)
    const one = await subscribe(server, business, plan, options)
    const path = await portalOf(business, one.customer)
    const uuid: string = one.subscription.uuid
    return { ...one, plan, path, uuid, at: `${path}/subscriptions/${uuid}`, now: () => subscriptionOf(business, uuid) }
  }
  const page = async (path: string) => textOf((await server.call('GET', path)).text)
  /** `3 May 2026` as the page says it. */
  const dayOf = (at: string) =>
    new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(at))

  test('it shows plan, price, state and what happens next, by its own card', async () => {
    const { path, plan, subscription } = await subscriber()
    const shown = await page(path)
    assert.ok(shown.includes(`${plan.name} Active ₦5,000.00, every 30 days`), shown)
    assert.ok(shown.includes(`Renews on ${dayOf(subscription.current_period_end)}.`), shown)
    assert.ok(shown.includes('Paid with Visa ending in 4081'), shown)
    const trial = await subscriber({ isTrial: true })
    const ends = dayOf(trial.subscription.trial_ends_at)
    assert.ok((await page(trial.path)).includes(`Free until ${ends}. Then you pay ₦5,000.00.`))
  })

  test('cancelled after a question, at the end of what is paid for; pressed twice it is cancelled once', async () => {
    const { at, uuid, now, customer, subscription } = await subscriber()
    const before = await now()
    const until = dayOf(subscription.current_period_end)
    const asked = await page(`${at}/cancel`)
    assert.ok(asked.includes(`You can use it until ${until}. After that nothing more is charged.`), asked)
    assert.deepEqual(await now(), before, 'asking cancels nothing')
    const { body } = await business.api('GET', `/v1/customers/${customer}`)
    for (const _ of ['once', 'twice']) {
      const after = textOf((await follow(server, await postForm(server, `${at}/cancel`))).text)
      assert.match(after, /Plan \d+ is cancelled\./)
      assert.ok(after.includes(`Ends soon ₦5,000.00, every 30 days Ends on ${until}. Nothing more is charged.`), after)
    }
    const both = await Promise.all([1, 2].map(() => postForm(server, `${at}/cancel`)))
    assert.deepEqual(
      both.map(({ status }) => status),
      [303, 303],
    )
    const cancelled = await now()
    assert.equal(cancelled.cancels_at, before.current_period_end)
    const changed = Object.keys(before).filter((key) => String(before[key]) !== String(cancelled[key]))
    assert.deepEqual(changed.sort(), ['cancelled_at', 'cancels_at', 'next_billing_at', 'updated_at'])
    assert.deepEqual(await mailsTo(server, body.data.email), ['welcome', 'receipt', 'cancelled'])
    // Asked again from an old page: nothing to ask, back to how it stands.
    assert.equal((await server.call('GET', `${at}/cancel`)).status, 303)
    assert.equal((await server.call('GET', `${at}/card`)).status, 303)
    assert.equal(await statusOf(uuid), 'active')
  })
  const statusOf = async (uuid: string) => (await subscriptionOf(business, uuid)).status

  test('a cancellation is taken back while it lasts, and then it renews as before', async () => {
    const { at, now, path, uuid, plan, customer } = await subscriber()
    const before = await now()
    await postForm(server, `${at}/cancel`)
    for (const _ of ['once', 'twice']) {
      const after = textOf((await follow(server, await postForm(server, `${at}/keep`))).text)
      assert.ok(after.includes(`${plan.name} goes on.`), after)
    }
    const kept = await now()
    assert.deepEqual({ ...kept, updated_at: 0 }, { ...before, updated_at: 0 })
    assert.doesNotMatch(await page(`${path}?done=cancelled&of=${uuid}`), /is cancelled/, "not by the address's word")
    await advance(business, { days: 31 })
    assert.deepEqual(
      (await periodsOf(server, uuid)).map(({ status }) => status),
      ['paid', 'paid'],
    )
    // A link of today: in the business's time a month has gone by.
    await postForm(server, `${at}/cancel`)
    await advance(business, { days: 31 })
    assert.equal(await statusOf(uuid), 'cancelled')
    const { body } = await business.api('GET', `/v1/customers/${customer}`)
    const mails = await mailsTo(server, body.data.email)
    assert.equal(mails.filter((one) => one === 'cancelled').length, 2, 'each cancellation is told of once')
    const late = textOf((await follow(server, await postForm(server, `${at}/keep`))).text)
    assert.match(late, /That was not possible/)
    assert.match(late, /Cancelled ₦5,000.00, every 30 days Ended on/)
    assert.equal(await statusOf(uuid), 'cancelled')
    assert.equal((await periodsOf(server, uuid)).length, 2)
  })

  test('another card pays from the next period on; a card that cannot is refused', async () => {
    const { at, customer, now, method, uuid, plan } = await subscriber()
    const { body } = await business.api('GET', `/v1/customers/${customer}`)
    const other = await saveCard(server, business, 'stripe', undefined, body.data.email)
    const choice = await server.call('GET', `${at}/card`)
    assert.match(choice.text, new RegExp(`value="${method}" required checked`))
    assert.match(choice.text, new RegExp(`value="${other.method}" required>`))
    const ledger = await chargesOf(server, customer)
    const post = (card?: string) => postForm(server, `${at}/card`, card ? { payment_method_uuid: card } : {})
    for (const _ of ['once', 'twice']) {
      const after = textOf((await follow(server, await post(other.method))).text)
      assert.ok(after.includes(`${plan.name} is now paid with Visa ending in 4242.`), after)
    }
    assert.equal((await now()).payment_method.uuid, other.method)
    assert.deepEqual(await chargesOf(server, customer), ledger, 'nothing was charged for it')
    const unchosen = await post()
    assert.deepEqual([unchosen.status, unchosen.headers.get('location')], [303, `${at}/card`])
    await server.ctx.db.updateTable('payment_methods').set({ status: 'unusable' }).where('id', '=', method).execute()
    assert.match(textOf((await follow(server, await post(method))).text), /That was not possible/)
    assert.equal((await now()).payment_method.uuid, other.method)
    await advance(business, { days: 31 })
    assert.deepEqual(
      (await periodsOf(server, uuid)).map(({ status }) => status),
      ['paid', 'paid'],
    )
    assert.equal((await chargesOf(server, customer)).at(-1)?.channel, 'stripe')
  })

  test('a renewal that was refused says so, is paid by the link, and the subscription goes on', async () => {
    const { path, uuid, subscription } = await subscriber({ card: 'declines', isTrial: true })
    await advance(business, { to: subscription.trial_ends_at })
    assert.equal(await statusOf(uuid), 'past_due')
    const shown = await page(path)
    assert.match(shown, /Payment due ₦5,000.00, every 30 days The payment of ₦5,000.00 did not go through\./)
    const first = new Date(subscription.trial_ends_at).getTime()
    assert.ok(shown.includes(`Your card is charged again on ${dayOf(new Date(first + dayMs).toISOString())}.`), shown)
    assert.ok(shown.includes(`ends on ${dayOf(new Date(first + 7 * dayMs).toISOString())} unless this is paid`), shown)
    const { text } = await server.call('GET', path)
    const pay = new URL(/<a class="main" href="([^"]+)" aria-label="Pay now/.exec(text)?.[1] ?? '').pathname
    assert.match(pay, /^\/pay\/AsP-/)
    const checkout = /\/checkout\/[\w-]{43}/.exec((await server.call('GET', pay)).text)?.[0]
    const opened = await postForm(server, `${checkout}/relay`, { payment_channel: 'stripe' })
    assert.equal(opened.status, 303, opened.text)
    const request = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${pay.slice('/pay/'.length)}`)
    const { ref } = request.body.data.payment_request.last_transaction
    await payAtSandbox(server.url, ref, 'success', 'stripe', '4242424242424242')
    await until('the payment', async () => (await statusOf(uuid)) === 'active')
    assert.doesNotMatch(await page(path), /Payment due|Pay now/)
    assert.deepEqual(
      (await periodsOf(server, uuid)).map(({ status }) => status),
      ['paid'],
    )
  })

  test('what is past due is charged to another card at once, and once, however often the button is pressed', async () => {
    const { at, customer, uuid, subscription } = await subscriber({ card: 'declines', isTrial: true })
    const { body } = await business.api('GET', `/v1/customers/${customer}`)
    const good = await saveCard(server, business, 'flutterwave', undefined, body.data.email)
    await advance(business, { to: subscription.trial_ends_at })
    const press = () => postForm(server, `${at}/card`, { payment_method_uuid: good.method })
    const answers = [...(await Promise.all([press(), press()])), await press()]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [303, 303, 303],
    )
    await until('the payment', async () => (await statusOf(uuid)) === 'active')
    assert.deepEqual(
      (await periodsOf(server, uuid)).map(({ status, refusals }) => [status, refusals]),
      [['paid', 1]],
    )
    assert.deepEqual(
      (await chargesOf(server, customer)).map(({ channel }) => channel),
      ['flutterwave'],
    )
    assert.match(textOf((await follow(server, answers[2] as Answer)).text), /is now paid with Mastercard ending in/)
  })

  test('where the card is not charged again nobody says so: the link pays', async () => {
    for (const card of ['wantsPayer', 'expires'] as const) {
      const { path, subscription } = await subscriber({ card, isTrial: true })
      await advance(business, { to: subscription.trial_ends_at })
      const shown = await page(path)
      assert.match(shown, /Payment due .*did not go through\. The subscription ends on .* Pay now/, card)
      assert.doesNotMatch(shown, /charged again/, card)
    }
  })

  test('another card that is refused too is tried once, however often the button is pressed', async () => {
    const { at, customer, uuid, plan, subscription } = await subscriber({ card: 'declines', isTrial: true })
    const { body } = await business.api('GET', `/v1/customers/${customer}`)
    const bad = await saveCard(server, business, 'stripe', cards.stripe.declines, body.data.email)
    await advance(business, { to: subscription.trial_ends_at })
    for (const _ of ['once', 'twice']) {
      const answer = await postForm(server, `${at}/card`, { payment_method_uuid: bad.method })
      const after = textOf((await follow(server, answer)).text)
      assert.ok(after.includes(`${plan.name} Payment due`), after)
      assert.doesNotMatch(after, /is now paid with/)
    }
    assert.deepEqual(
      (await periodsOf(server, uuid)).map(({ status, refusals }) => [status, refusals]),
      [['open', 2]],
    )
    assert.deepEqual(await chargesOf(server, customer), [])
  })

  test('cancelled while its payment is due it ends at once, and nothing more is charged', async () => {
    const { at, uuid, customer, subscription } = await subscriber({ card: 'declines', isTrial: true })
    await advance(business, { to: subscription.trial_ends_at })
    assert.match(await page(`${at}/cancel`), /It ends at once\. Nothing more is charged\./)
    const both = await Promise.all([1, 2].map(() => postForm(server, `${at}/cancel`)))
    for (const answer of both) {
      assert.match(textOf((await follow(server, answer)).text), /is cancelled\..*Ended subscriptions .*Cancelled/)
    }
    await advance(business, { days: 10 })
    assert.equal(await statusOf(uuid), 'cancelled')
    assert.deepEqual(await chargesOf(server, customer), [])
  })

  test('a paused one says who resumes it, and can be cancelled', async () => {
    const { path, at, uuid } = await subscriber()
    assert.equal((await business.api('PATCH', `/v1/subscriptions/${uuid}/pause`)).status, 200)
    assert.match(await page(path), /Paused .*Nothing is charged until Sade Kitchen resumes it/)
    await follow(server, await postForm(server, `${at}/cancel`))
    assert.equal(await statusOf(uuid), 'cancelled')
  })

  test('removing the card that pays says what it pays for, and the default pays then', async () => {
    const { path, customer, method, plan, uuid } = await subscriber()
    const { body } = await business.api('GET', `/v1/customers/${customer}`)
    await saveCard(server, business, 'stripe', undefined, body.data.email)
    const asked = await page(`${path}/cards/${method}/remove`)
    assert.ok(asked.includes(`It pays for ${plan.name}.`), asked)
    await postForm(server, `${path}/cards/${method}/remove`)
    assert.match(await page(path), /Renews on .* Paid with Visa ending in 4242/)
    await advance(business, { days: 31 })
    assert.deepEqual(
      (await periodsOf(server, uuid)).map(({ status }) => status),
      ['paid', 'paid'],
    )
    assert.equal((await chargesOf(server, customer)).at(-1)?.channel, 'stripe')
  })

  test('a card that is added for a subscription leads back to the choice of its card', async () => {
    const { at, customer } = await subscriber()
    const answer = await postForm(server, `${at}/card/new`)
    const [request] = (await business.api('GET', `/v1/payment-requests?customer_uuid=${customer}`)).body.data
      .payment_requests.data
    assert.equal(answer.status, 303)
    assert.equal(request.intent, 'save_payment_method')
    const checkout = await server.call('GET', new URL(String(answer.headers.get('location'))).pathname)
    assert.ok(checkout.text.includes(`${at}/card?`), 'the way back')
  })

  test("404 another customer's, business's or mode's subscription looks like none, and stays as it is", async () => {
    const { path, method } = await subscriber()
    const mate = await subscriber()
    const shop = await threeChannels(server, 'Other Shop')
    const strange = await subscribe(server, shop, await createPlan(shop))
    for (const [owner, uuid, card] of [
      [business, mate.uuid, mate.method],
      [shop, strange.subscription.uuid, strange.method],
    ] as const) {
      const before = await subscriptionOf(owner, uuid)
      const at = `${path}/subscriptions/${uuid}`
      for (const answer of [
        await server.call('GET', `${at}/cancel`),
        await server.call('GET', `${at}/card`),
        await postForm(server, `${at}/cancel`),
        await postForm(server, `${at}/keep`),
        await postForm(server, `${at}/card`, { payment_method_uuid: method }),
        await postForm(server, `${at}/card`, { payment_method_uuid: card }),
        await postForm(server, `${at}/card/new`),
      ]) {
        assert.equal(answer.status, 404, answer.text)
        assert.match(textOf(answer.text), /There is nothing here/)
      }
      assert.deepEqual(await subscriptionOf(owner, uuid), before)
    }
    const own = await subscriber()
    const before = await own.now()
    for (const card of [mate.method, strange.method, nobody, 'nothing']) {
      assert.equal((await postForm(server, `${own.at}/card`, { payment_method_uuid: card })).status, 404, card)
    }
    assert.deepEqual(await own.now(), before)
    // A card of another customer was not removed by it either.
    assert.equal((await methodsOf(business, mate.customer)).length, 1)
  })

  test('many subscriptions come page by page', async () => {
    const { uuid } = await newCustomer(business)
    const path = await portalOf(business, uuid)
    const plans = await Promise.all(Array.from({ length: 21 }, () => createPlan(business)))
    const { email } = (await business.api('GET', `/v1/customers/${uuid}`)).body.data
    const { method } = await saveCard(server, business, 'paystack', undefined, email)
    for (const plan of plans) {
      const fields = {
        customer_uuid: uuid,
        subscription_plan_uuid: plan.uuid,
        payment_method_uuid: method,
        is_trial: 1,
      }
      assert.equal((await business.api('POST', '/v1/subscriptions', fields)).status, 201)
    }
    const first = await server.call('GET', path)
    assert.equal(first.text.match(/id="s-/g)?.length, 20)
    assert.match(first.text, /rel="next" href="[^"]+\?page=2"/)
    const second = await server.call('GET', `${path}?page=2`)
    assert.equal(second.text.match(/id="s-/g)?.length, 1)
    assert.doesNotMatch(second.text, /rel="next"/)
    assert.match(second.text, /rel="prev" href="[^"]+\?page=1"/)
    assert.equal((await server.call('GET', `${path}?page=nonsense`)).status, 200)
  })
})
