import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hourMs, minuteMs } from '../../src/platform/clock.ts'
import { expectFailure } from '../support/expect.ts'
import { portalOf, postForm, textOf } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { methodsOf, saveCard } from '../support/saved.ts'
import {
  type Answer,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
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
    } finally {
      await clocked.close()
    }
  })
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
