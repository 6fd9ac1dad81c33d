import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { commandLine, find } from '../../src/domain/businesses/service.ts'
import { connect } from '../../src/domain/payment-channels/service.ts'
import { sql } from '../../src/platform/db.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { saveCard } from '../support/saved.ts'
import {
  type Answer,
  type Body,
  call,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { recordStatements } from '../support/statements.ts'
import { mailsTo } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

/** What a stranger gets with a public key, or a plan's link, that stands in every merchant's page. */
describe('a stranger with a public key', () => {
  let server: TestServer
  let business: TestBusiness
  before(async () => {
    server = await startTestServer({ backend: 'postgres' })
    business = await threeChannels(server)
  })
  after(() => server.close())

  let plans = 0
  const plan = async (more: object = {}): Promise<Body> => {
    plans += 1
    const wish = { name: `Plan ${plans}`, interval: 'annually', amount: 120_000, ...more }
    return (await business.api('POST', '/v1/subscription-plans', wish)).body.data
  }
  const sdk = async (body: object, path = 'initialize-payment-request'): Promise<Answer> =>
    call(server.url, 'POST', `/v1/sdk/${path}`, body, { authentication: `Bearer ${business.keys.test.public_key}` })
  const submit = (path: string, fields: Record<string, string>) =>
    fetch(server.url + path, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  /** The payment request behind the checkout that a subscribe page went on to. */
  const madeBy = async (answer: Response): Promise<Body> => {
    assert.equal(answer.status, 303, await answer.clone().text())
    const { rows } = await sql<Body>`select * from payment_requests order by id desc limit 1`.execute(server.ctx.db)
    return rows[0]
  }
  const subscriptionsOf = async (email: string): Promise<Body[]> => {
    const { rows } = await sql<Body>`select s.id as uuid from subscriptions s join customers c on c.id = s.customer_id
      where c.email = ${email}`.execute(server.ctx.db)
    return rows
  }
  const stateOf = async (opened: Body): Promise<Body> =>
    (await call(server.url, 'GET', `${new URL(opened.checkout_url).pathname}/state`)).body
  const paid = async (opened: Body): Promise<void> => {
    const path = `/v1/payment-requests/${opened.ref}/verify`
    await payAtSandbox(server.url, opened.last_transaction.ref)
    const isPaid = async () => (await business.api('PATCH', path)).body.data?.payment_request.status === 'successful'
    await until('the payment', isPaid)
  }

  const linesOf = async (ref: string): Promise<string[]> => {
    const { body } = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${ref}`)
    return body.data.payment_request.timeline_records.map((line: Body) => line.summary)
  }

  describe('gives himself no trial', () => {
    test('where the plan names none, or the customer had one, the price is asked', async () => {
      const [unnamed, named] = [await plan(), await plan({ trial_period: 14 })]
      const asked = async (body: object) => (await sdk(body)).body.data.payment_request.amount
      const fresh = { customer_email: 'fresh@example.com', is_trial: true }
      assert.equal(await asked({ ...fresh, subscription_plan_uuid: unnamed.uuid }), '120000')
      assert.notEqual(await asked({ ...fresh, subscription_plan_uuid: named.uuid }), '120000')

      const saved = await saveCard(server, business, 'paystack', undefined, 'tried@example.com')
      const held = { customer_uuid: saved.customer, payment_method_uuid: saved.method }
      const wish = { ...held, subscription_plan_uuid: named.uuid, is_trial: true }
      const begun = await business.api('POST', '/v1/subscriptions', wish)
      assert.equal(begun.status, 201, begun.text)
      await business.api('PATCH', `/v1/subscriptions/${begun.body.data.uuid}/cancel?immediately=1`)
      const again = { subscription_plan_uuid: named.uuid, is_trial: true }
      for (const who of [{ customer_email: 'Tried@example.com' }, { customer_uuid: saved.customer }]) {
        assert.equal(await asked({ ...who, ...again }), '120000', JSON.stringify(who))
      }
      const linked = await madeBy(await submit(`/subscribe/${named.link_id}`, { email: 'tried@example.com' }))
      assert.deepEqual([String(linked.amount_minor), linked.is_trial], ['12000000', false])
      // A secret key's own word stands: the business decides whom it gives a second one.
      const secret = await business.api('POST', '/v1/payment-requests', { ...again, customer_uuid: saved.customer })
      assert.notEqual(secret.body.data.payment_request.amount, '120000', secret.text)
    })

    test('two pages of one trial: the second that is paid begins nothing and its money goes back', async () => {
      const { uuid } = await plan({ trial_period: 14 })
      const wish = { customer_email: 'twice@example.com', subscription_plan_uuid: uuid, is_trial: true }
      const opened = [
        await sdk({ ...wish, payment_channel: 'paystack' }),
        await sdk({ ...wish, payment_channel: 'paystack' }),
      ]
      const [first, second] = opened.map((one) => one.body.data.payment_request)
      await paid(first)
      const begun = await until('the trial', async () => (await subscriptionsOf('twice@example.com'))[0])
      await business.api('PATCH', `/v1/subscriptions/${begun.uuid}/cancel?immediately=1`)
      await paid(second)
      await until('the refund', async () => (await linesOf(second.ref)).some((one) => one.includes('had a trial')))
      assert.equal((await subscriptionsOf('twice@example.com')).length, 1)
    })

    test('three pages paid at the same moment give one trial, and the others’ money goes back', async () => {
      const { uuid } = await plan({ trial_period: 14 })
      const wish = { customer_email: 'thrice@example.com', subscription_plan_uuid: uuid, is_trial: true }
      const opened: Body[] = []
      for (const payment_channel of ['paystack', 'flutterwave', 'paystack']) {
        const { body } = await sdk({ ...wish, payment_channel })
        opened.push({ ...body.data.payment_request, channel: payment_channel })
      }
      await Promise.all(opened.map((one) => payAtSandbox(server.url, one.last_transaction.ref, 'success', one.channel)))
      await Promise.all(opened.map((one) => business.api('PATCH', `/v1/payment-requests/${one.ref}/verify`)))
      const given = async () => {
        const lines = await Promise.all(opened.map((one) => linesOf(one.ref)))
        return lines.filter((of) => of.some((line) => line.includes('gives this payment back'))).length === 2
      }
      await until('two that go back', given)
      assert.equal((await subscriptionsOf('thrice@example.com')).length, 1)
    })

    test('whoever is deleted and comes back has had the trial', async () => {
      const { uuid } = await plan({ trial_period: 14 })
      const wish = { customer_email: 'back@example.com', subscription_plan_uuid: uuid, is_trial: true }
      const asked = async () => (await sdk({ ...wish, payment_channel: 'paystack' })).body.data.payment_request
      const first = await asked()
      // Opened while the trial was still to be had, and paid when it is gone.
      const late = await asked()
      await paid(first)
      const begun = await until('the trial', async () => (await subscriptionsOf('back@example.com'))[0])
      const { rows } = await sql<Body>`select id from customers where email = 'back@example.com'`.execute(server.ctx.db)
      assert.equal((await business.api('PATCH', `/v1/subscriptions/${begun.uuid}/cancel?immediately=1`)).status, 200)
      assert.equal((await business.api('DELETE', `/v1/customers/${rows[0]?.id}`)).status, 200)
      assert.equal((await asked()).amount, '120000')
      await paid(late)
      await until('the refund', async () => (await linesOf(late.ref)).some((one) => one.includes('had a trial')))
      assert.equal((await subscriptionsOf('back@example.com')).length, 1)
    })
  })

  describe('has names of his own', () => {
    const wish = { customer_email: 'ada@example.com', amount: 100, currency: 'NGN' }
    const secret = (body: object, headers: Record<string, string> = {}) =>
      business.api('POST', '/v1/payment-requests', { ...wish, ...body }, headers)
    const refOf = (answer: Answer): string => answer.body.data.payment_request.ref

    test('a reference that a public key took is free for the secret key, and the secret key’s is found', async () => {
      const path = '/v1/payment-requests/retrieve-by-ref/order-1'
      const taken = await sdk({ ...wish, reference: 'order-1', amount: 1 })
      assert.equal(taken.status, 201, taken.text)
      assert.equal((await business.api('GET', path)).body.data.payment_request.ref, refOf(taken))
      const own = await secret({ reference: 'order-1' })
      assert.equal(own.status, 201, own.text)
      assert.equal((await business.api('GET', path)).body.data.payment_request.ref, refOf(own))
      for (const again of [await secret({ reference: 'order-1' }), await sdk({ ...wish, reference: 'order-1' })]) {
        assert.equal(again.body.error, 'DUPLICATE_REFERENCE', again.text)
      }
      assert.equal((await secret({ reference: 'order-2' })).status, 201)
      assert.equal((await sdk({ ...wish, reference: 'order-2' })).status, 201, 'and the other way')
    })

    test('many at once: each of the two keys gets the reference once', async () => {
      const asked = Array.from({ length: 12 }, (_, nth) => {
        const body = { ...wish, reference: 'order-3' }
        return nth % 2 ? secret(body) : sdk(body)
      })
      const made = (await Promise.all(asked)).filter((one) => one.status === 201)
      assert.deepEqual(made.map((one) => one.body.data.payment_request.created_by).sort(), ['public', 'secret'])
    })

    test('an Idempotency-Key of a public key blocks, tells and answers nothing of the secret key’s', async () => {
      const headers = { 'idempotency-key': 'shared-1' }
      const path = '/v1/sdk/initialize-payment-request'
      const authentication = `Bearer ${business.keys.test.public_key}`
      const stranger = () => call(server.url, 'POST', path, wish, { authentication, ...headers })
      const first = await stranger()
      const own = await secret({}, headers)
      assert.deepEqual([first.status, own.status], [201, 201], own.text)
      assert.notEqual(refOf(own), refOf(first))
      assert.equal(refOf(await stranger()), refOf(first), 'and is one of its own')
      assert.equal(refOf(await secret({}, headers)), refOf(own))
    })
  })

  describe('pays what the business sells', () => {
    const wish = { customer_email: 'ada@example.com', amount: '4500', currency: 'NGN' }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const inAnHour = () => Math.floor(Date.now() / 1000) + 3_600
    const sign = (claims: object, secret: string, alg = 'HS256') => {
      const head = `${part({ alg, typ: 'JWT' })}.${part({ amount: '4500', currency: 'NGN', exp: inAnHour(), ...claims })}`
      return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`
    }
    const sells = (public_key_sells: string) => business.api('PUT', '/v1/business', { public_key_sells })
    after(() => sells('anything'))

    test('plans_and_links: a plan, and no amount of his own', async () => {
      assert.equal((await sells('plans_and_links')).body.data.public_key_sells, 'plans_and_links')
      expectFailure(await sdk(wish), { status: 422, code: '005', fields: ['subscription_plan_uuid'] })
      const { uuid } = await plan()
      assert.equal((await sdk({ ...wish, subscription_plan_uuid: uuid })).status, 201)
      assert.equal((await business.api('POST', '/v1/payment-requests', wish)).status, 201)
    })

    test('signed_amounts: what the server signed, once, as it was signed; and nothing else', async () => {
      await sells('signed_amounts')
      const refusal = { status: 422, code: '005', fields: ['amount_token'] }
      const { test: own, live } = business.keys
      const other = await server.business('Other')
      const right = sign({ reference: 'cart-1' }, own.webhook_secret)
      const [head, , signature] = right.split('.')
      const more = part({ amount: '45', currency: 'NGN', exp: inAnHour(), reference: 'cart-1' })
      const ask = (amount_token: string | undefined, body: object = {}) =>
        sdk({ ...wish, reference: 'cart-1', ...(amount_token && { amount_token }), ...body })
      for (const [words, asked] of Object.entries({
        'without one': ask(undefined),
        'no token': ask('nonsense'),
        altered: ask(`${head}.${more}.${signature}`, { amount: '45' }),
        'of live mode': ask(sign({ reference: 'cart-1' }, live.webhook_secret)),
        "another business's": ask(sign({ reference: 'cart-1' }, other.keys.test.webhook_secret)),
        ended: ask(sign({ reference: 'cart-1', exp: 1 }, own.webhook_secret)),
        'without end': ask(sign({ reference: 'cart-1', exp: undefined }, own.webhook_secret)),
        'of another algorithm': ask(sign({ reference: 'cart-1' }, own.webhook_secret, 'none')),
        'another amount': ask(right, { amount: '45' }),
        'another currency': ask(right, { currency: 'GHS' }),
        'another reference': ask(right, { reference: 'cart-2' }),
        'without reference': ask(sign({}, own.webhook_secret), { reference: undefined }),
      })) {
        expectFailure(await asked, refusal, words)
      }
      const paid = await ask(right, { amount: 4500 })
      assert.equal(paid.status, 201, paid.text)
      const again = await ask(right)
      assert.deepEqual([again.status, again.body.error], [409, 'DUPLICATE_REFERENCE'])
      const { uuid } = await plan()
      assert.equal((await sdk({ ...wish, subscription_plan_uuid: uuid })).status, 201)
    })
  })

  describe('sends buyers nowhere', () => {
    const refusal = { status: 422, code: '005' }
    test('live, an address outside allowed_domains is refused by name; a plan’s page leaves it out', async () => {
      const shop = await server.business()
      const site = {
        allowed_domains: ['shop.example:99999', '1.2.3.999', 'shop.example', '*.shop.example', 'http://localhost:3000'],
      }
      await shop.live('PUT', '/v1/business', { ...site, default_redirect_url: 'https://home.example/after' })
      const fields = { secret_key: `sk_live_${'a'.repeat(40)}` }
      const owner = { businessId: shop.id, envMode: 'live', actor: commandLine } as const
      await connect(server.ctx, { ...owner, slug: 'paystack', fields, makeDefault: true })
      const headers = { authentication: `Bearer ${shop.keys.live.public_key}` }
      const wish = { customer_email: 'ada@example.com', amount: 100, currency: 'NGN' }
      const path = '/v1/sdk/initialize-payment-request'
      const ask = (more: object) => call(server.url, 'POST', path, { ...wish, ...more }, headers)
      for (const address of [
        'https://shop.example/done?x=1',
        'https://www.shop.example/',
        'http://localhost:3000/done',
        'https://home.example/elsewhere',
      ]) {
        for (const field of ['success_redirect_url', 'failure_redirect_url', 'cancel_redirect_url']) {
          assert.equal((await ask({ [field]: address })).status, 201, address)
        }
      }
      for (const address of [
        'https://other.example/',
        'https://shop.example.other.example/',
        'https://othershop.example/',
        'http://shop.example/',
        'https://shop.example:8443/',
        'http://localhost:3001/',
      ]) {
        for (const field of ['success_redirect_url', 'failure_redirect_url', 'cancel_redirect_url']) {
          expectFailure(await ask({ [field]: address }), { ...refusal, fields: [field] }, address)
        }
      }
      // The server's own word stands, and in test mode every site may.
      const own = { ...wish, success_redirect_url: 'https://other.example/' }
      const { status } = await shop.live('POST', '/v1/payment-requests', own)
      assert.notEqual(status, 422)
      assert.equal((await sdk(own)).status, 201)

      const monthly = { name: 'Linked', interval: 'monthly', amount: 100 }
      const { link_id } = (await shop.live('POST', '/v1/subscription-plans', monthly)).body.data
      const page = async (address: string) =>
        await (
          await fetch(`${server.url}/subscribe/${link_id}?success_redirect_url=${encodeURIComponent(address)}`)
        ).text()
      assert.match(await page('https://shop.example/done'), /shop\.example\/done/)
      assert.doesNotMatch(await page('https://other.example/done'), /other\.example/)
    })
  })

  describe('learns nothing of anybody', () => {
    const known = {
      ...{ email: 'known@example.com', name: 'Ada Known', phone_code: '+234', phone_number: '8031234567' },
      ...{ address_line_1: '1 Known Street', meta_data: { segment: 'gold' } },
    }
    before(async () => {
      assert.equal((await business.api('POST', '/v1/customers', known)).status, 201)
    })
    /** An answer with all that differs by itself made equal. */
    const told = (answer: Answer, email: string) =>
      answer.text
        .replaceAll(email, 'who@example.com')
        .replaceAll(/AsP-[0-9a-f]{13}|eric-[0-9a-f-]{36}|checkout\/[\w-]{43}|[0-9a-f]{8}-[0-9a-f-]{27}/g, '…')
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…')

    test('an answer shows of the customer what this call sent: known or unknown, the same', async () => {
      const sent = { amount: 100, currency: 'NGN' }
      const one = await sdk({ ...sent, customer: { email: known.email, first_name: 'Eve' } })
      const other = await sdk({ ...sent, customer: { email: 'nobody@example.com', first_name: 'Eve' } })
      assert.equal(one.status, 201, one.text)
      const { customer } = one.body.data.payment_request
      const { email, first_name, full_name, ...others } = customer
      assert.deepEqual([email, first_name, full_name], [known.email, 'Eve', 'Eve'])
      assert.deepEqual([...new Set(Object.values(others))], [null])
      assert.deepEqual(
        Object.keys(customer),
        Object.keys((await business.api('GET', '/v1/customers')).body.data.customers.data[0]),
        'keys in the documented order',
      )
      assert.equal(told(one, known.email), told(other, 'nobody@example.com'))
    })

    test('the page of a provider, the checkout’s state and what it hands on show no more either', async () => {
      const wish = { amount: 100, currency: 'NGN', customer_email: known.email, payment_channel: 'flutterwave' }
      const opened = (await sdk(wish)).body.data.payment_request
      const page = await (await fetch((await sdk(wish)).body.data.action)).text()
      assert.ok(!page.includes('Ada Known') && !page.includes('8031234567'))
      await payAtSandbox(server.url, opened.last_transaction.ref, 'success', 'flutterwave')
      const state = await until('the payment', async () => {
        const now = await stateOf(opened)
        return now.paymentRequest ? now : undefined
      })
      const { email, ...others } = state.paymentRequest.customer
      assert.equal(email, known.email)
      assert.deepEqual([...new Set(Object.values(others))], [null])
    })

    test('who is subscribed is told to nobody: the payment is made alike, and the subscriber gets a mail', async () => {
      const { uuid, link_id } = await plan({ trial_period: 7 })
      const saved = await saveCard(server, business, 'paystack', undefined, 'member@example.com')
      const held = { customer_uuid: saved.customer, payment_method_uuid: saved.method }
      const begun = await business.api('POST', '/v1/subscriptions', { ...held, subscription_plan_uuid: uuid })
      assert.equal(begun.status, 201, begun.text)

      const wish = { subscription_plan_uuid: uuid, is_trial: true }
      const one = await sdk({ ...wish, customer_email: 'member@example.com' })
      const other = await sdk({ ...wish, customer_email: 'no-member@example.com' })
      assert.equal(one.status, 201, one.text)
      assert.equal(told(one, 'member@example.com'), told(other, 'no-member@example.com'))
      const [asMember, asOther] = [
        await madeBy(await submit(`/subscribe/${link_id}`, { email: 'member@example.com' })),
        await madeBy(await submit(`/subscribe/${link_id}`, { email: 'no-member@example.com' })),
      ]
      assert.deepEqual([asMember.amount_minor, asMember.is_trial], [asOther.amount_minor, asOther.is_trial])
      const link = await sdk(
        { customer_uuid: saved.customer, subscription_plan_uuid: uuid },
        'generate-subscription-url',
      )
      assert.equal(link.status, 201, link.text)

      const isTold = async () => (await mailsTo(server, 'member@example.com')).includes('subscribed_already')
      await until('the mail', isTold)
      const mails = await mailsTo(server, 'member@example.com')
      assert.equal(
        mails.filter((mail) => mail === 'subscribed_already').length,
        1,
        'one a day, however often it is asked',
      )
      assert.ok(!(await mailsTo(server, 'no-member@example.com')).includes('subscribed_already'))
    })

    test('a closed plan is closed to everybody', async () => {
      const { uuid } = await plan()
      const saved = await saveCard(server, business, 'paystack', undefined, 'closed@example.com')
      const held = { customer_uuid: saved.customer, payment_method_uuid: saved.method }
      await business.api('POST', '/v1/subscriptions', { ...held, subscription_plan_uuid: uuid })
      await business.api('PATCH', `/v1/subscription-plans/${uuid}/deactivate`)
      for (const email of ['closed@example.com', 'open@example.com']) {
        for (const more of [{}, { extend_subscription_by: 1 }]) {
          const answer = await sdk({ customer_email: email, subscription_plan_uuid: uuid, ...more })
          assert.deepEqual([answer.status, answer.body.error_code], [400, '052'], `${email} ${JSON.stringify(more)}`)
        }
      }
    })

    test('a checkout’s token ends with its request: no customer an hour after, nothing after 30 days', async () => {
      const wish = { amount: 100, currency: 'NGN', customer_email: known.email, payment_channel: 'paystack' }
      const opened = (await sdk(wish)).body.data.payment_request
      await paid(opened)
      const path = new URL(opened.checkout_url).pathname
      const look = (more = '') => call(server.url, 'GET', `${path}${more}`)
      assert.equal((await look('/state')).body.paymentRequest.customer.email, known.email)
      const { id } = await find(server.ctx, business.id, 'test')
      const endedBefore = (hours: number) =>
        sql`update payment_requests set updated_at = ${new Date(Date.now() - hours * 3_600_000)}
          where business_id = ${id} and ref = ${opened.ref}`.execute(server.ctx.db)
      await endedBefore(2)
      const { customer } = (await look('/state')).body.paymentRequest
      assert.deepEqual([...new Set(Object.values(customer))], [null])
      assert.equal((await look('/success')).status, 200)
      await endedBefore(24 * 31)
      for (const more of ['', '/state', '/success', '/events', '/returned'])
        assert.equal((await look(more)).status, 404, more)
      assert.equal((await call(server.url, 'POST', `${path}/check`)).status, 404)
    })
  })
})

/** Without a worker, and with no other server: nobody else sends statements meanwhile. */
describe('a stranger who measures', () => {
  test('a known address costs the same statements as an unknown one, so that time tells nothing either', async () => {
    const quiet = await startTestServer({ backend: 'postgres', role: 'api' })
    try {
      const shop = await threeChannels(quiet)
      const named = { name: 'Quiet plan', interval: 'monthly', amount: 5000, trial_period: 7 }
      const { uuid } = (await shop.api('POST', '/v1/subscription-plans', named)).body.data
      await shop.api('POST', '/v1/customers', { email: 'ada@example.com', name: 'Ada Lovelace' })
      const authentication = `Bearer ${shop.keys.test.public_key}`
      const textsOf = async (customer_email: string, body: object): Promise<string[]> => {
        const recorder = recordStatements()
        const wish = { customer_email, ...body }
        const answer = await call(quiet.url, 'POST', '/v1/sdk/initialize-payment-request', wish, { authentication })
        assert.equal(answer.status, 201, answer.text)
        // Of these, what asks for the address: sweeps, and what is told to a subscriber after the answer, do not.
        const about = recorder.stop().filter(({ values }) => JSON.stringify(values).includes(customer_email))
        return about.map(({ text }) => text)
      }
      for (const body of [{ amount: 100 }, { subscription_plan_uuid: uuid, is_trial: true }]) {
        // What a process remembers for a second is there for both.
        await textsOf('nobody-0@example.com', body)
        const [asKnown, asUnknown] = [
          await textsOf('ada@example.com', body),
          await textsOf('nobody-1@example.com', body),
        ]
        assert.ok(asKnown.length > 0)
        assert.deepEqual(asKnown, asUnknown)
      }
    } finally {
      await quiet.close()
    }
  })
})
