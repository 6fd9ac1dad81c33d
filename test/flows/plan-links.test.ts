import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from '../../src/platform/db.ts'
import { expectFailure } from '../support/expect.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { countRows } from '../support/rows.ts'
import { type Answer, type Body, call, startTestServer, type TestBusiness, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

describe('plans from a browser', () => {
  let server: TestServer
  let business: TestBusiness
  let plan: Body
  let customer: Body
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business()
    const gold = { name: 'Gold', interval: 'monthly', amount: 200 }
    plan = (await business.api('POST', '/v1/subscription-plans', gold)).body.data
    customer = (await business.api('POST', '/v1/customers', { email: 'ada@example.com', name: 'Ada' })).body.data
  })
  after(() => server.close())

  const sdk = (path: string, body: Body): Promise<Answer> =>
    call(server.url, 'POST', `/v1/sdk/${path}`, body, { authentication: `Bearer ${business.keys.test.public_key}` })

  test('201 the SDK names a plan by uuid, link_id or link; the plan says what is paid', async () => {
    const ways = [
      { subscription_plan_uuid: plan.uuid },
      { subscription_plan_link: plan.link_id },
      { subscription_plan_link: `${server.url}/subscribe/${plan.link_id}` },
      { subscription_plan_link: `https://pay.example.com/subscribe/${plan.link_id}/?customer=x&public_key=y` },
      { subscription_plan_uuid: plan.uuid, subscription_plan_link: 'ignored' },
    ]
    for (const way of ways) {
      const answer = await sdk('initialize-payment-request', {
        customer_email: 'sdk@example.com',
        amount: null,
        ...way,
      })
      assert.equal(answer.status, 201, answer.text)
      const { intent, amount, currency, description } = answer.body.data.payment_request
      assert.deepEqual(
        [intent, amount, currency, description],
        ['subscription', '200', 'NGN', 'Subscription to Gold'],
        JSON.stringify(way),
      )
      assert.equal(answer.body.data.should_redirect, false)
    }
    const more = { customer_email: 'sdk@example.com', subscription_plan_link: plan.link_id, extend_subscription_by: 2 }
    assert.equal((await sdk('initialize-payment-request', more)).body.data.payment_request.amount, '400')
  })

  test('404 a link to no plan of this business; 422 what is wrong beside it', async () => {
    const other = await server.business('Other')
    const theirs = (await other.api('POST', '/v1/subscription-plans', { ...plan, name: 'Theirs' })).body.data
    for (const link of [theirs.link_id, 'aaaaaaaa', 'https://example.com/', `/subscribe/${theirs.link_id}`, 'x']) {
      const body = { customer_email: 'sdk@example.com', subscription_plan_link: link }
      const answer = await sdk('initialize-payment-request', body)
      expectFailure(answer, { status: 404, code: '007', fields: ['subscription_plan_link'] }, link)
    }
    const wrong = { customer_email: 'sdk@example.com', subscription_plan_link: plan.link_id, success_redirect_url: 'x' }
    const fields = ['success_redirect_url']
    expectFailure(await sdk('initialize-payment-request', wrong), { status: 422, code: '005', fields })
    const none = { customer_email: 'sdk@example.com', extend_subscription_by: 2, amount: 5 }
    const answer = await sdk('initialize-payment-request', none)
    expectFailure(answer, { status: 422, code: '005', fields: ['subscription_plan_uuid'] })
  })

  test('201 with a plan, amount and currency beside it are ignored, whatever they are: its price is paid', async () => {
    const way = { customer_email: 'sdk@example.com', subscription_plan_uuid: plan.uuid }
    for (const beside of [
      { amount: 1 },
      { amount: '1' },
      { amount: 200.01, currency: 'USD' },
      { amount: -5 },
      { amount: 0, currency: 'XXX' },
      { amount: '', currency: '' },
      { amount: 'NaN', currency: null },
      { amount: { a: 1 } },
    ]) {
      const answer = await sdk('initialize-payment-request', { ...way, ...beside })
      assert.equal(answer.status, 201, `${JSON.stringify(beside)} ${answer.text}`)
      const { amount, currency } = answer.body.data.payment_request
      assert.deepEqual([amount, currency], ['200', 'NGN'], JSON.stringify(beside))
    }
    const named = await sdk('initialize-payment-request', { ...way, amount: 1, payment_channel: 'paystack' })
    assert.equal(named.body.data.payment_request.last_transaction.amount, '200', named.text)
    const own = { ...way, amount: 1 }
    const refused = await business.api('POST', '/v1/payment-requests', own)
    expectFailure(refused, { status: 422, code: '005', fields: ['amount'] }, 'a secret key that disagrees is told so')
  })

  test('201 every field that a mobile SDK was given: nulls, empty texts, numbers and flags as texts', async () => {
    const empty = {
      customer_uuid: '',
      customer: null,
      reference: '',
      logo: '',
      payment_channel: '',
      success_redirect_url: '',
      cancel_redirect_url: null,
      subscription_plan_link: '',
      metadata: null,
      meta_data: '',
      description: '',
      save_payment_method: '',
      is_trial: null,
      onError: 'a function is not sent, but its name may be',
    }
    const plain = { ...empty, customer_email: 'rn@example.com', amount: '1500.50', currency: 'NGN' }
    const answer = await sdk('initialize-payment-request', {
      ...{ ...plain, subscription_plan_uuid: '', extend_subscription_by: '' },
    })
    assert.equal(answer.status, 201, answer.text)
    const made = answer.body.data.payment_request
    assert.deepEqual([made.amount, made.reference, made.description], ['1500.5', null, null])

    const extending = { ...plain, subscription_plan_uuid: plan.uuid, extend_subscription_by: '2', is_trial: 'false' }
    const extended = await sdk('initialize-payment-request', extending)
    assert.equal(extended.status, 201, extended.text)
    assert.equal(extended.body.data.payment_request.amount, '400')

    const customer = { email: 'rn2@example.com', first_name: 'Ada', last_name: '', phone_number: '' }
    const named = await sdk('initialize-payment-request', { ...plain, customer_email: '', customer })
    assert.equal(named.status, 201, named.text)
    const { first_name, last_name } = named.body.data.payment_request.customer
    assert.deepEqual([first_name, last_name], ['Ada', null])

    for (const [wrong, field] of [
      [{ ...plain, amount: '' }, 'amount'],
      [{ ...plain, amount: null }, 'amount'],
      [{ ...plain, customer_email: '' }, 'customer_uuid'],
      [{ ...plain, subscription_plan_uuid: plan.uuid, extend_subscription_by: 'two' }, 'extend_subscription_by'],
      [{ ...plain, save_payment_method: 'perhaps' }, 'save_payment_method'],
    ] as const) {
      const refused = await sdk('initialize-payment-request', wrong)
      expectFailure(refused, { status: 422, code: '005', fields: [field] }, field)
    }
  })

  test('201 a customer’s link already holds a question mark, from either key', async () => {
    const body = { customer_uuid: customer.uuid, subscription_plan_uuid: plan.uuid }
    const answers = [
      await business.api('POST', '/v1/subscriptions/generate-url', body),
      await sdk('generate-subscription-url', body),
    ]
    for (const answer of answers) {
      assert.equal(answer.status, 201, answer.text)
      assert.equal(answer.body.message, 'Subscription URL generated successfully')
      assert.deepEqual(Object.keys(answer.body.data), ['link'])
      const { link } = answer.body.data
      assert.ok(link.startsWith(`${server.url}/subscribe/${plan.link_id}?customer=`), link)
      assert.ok(!link.includes(customer.uuid))
    }
  })

  test('404 and 400 no link for what is not there, or takes nobody', async () => {
    const right = { customer_uuid: customer.uuid, subscription_plan_uuid: plan.uuid }
    const nobody = '00000000-0000-7000-8000-000000000000'
    for (const field of Object.keys(right)) {
      const answer = await sdk('generate-subscription-url', { ...right, [field]: nobody })
      expectFailure(answer, { status: 404, code: '007', fields: [field] }, field)
    }
    expectFailure(await sdk('generate-subscription-url', {}), {
      status: 422,
      code: '005',
      fields: ['customer_uuid', 'subscription_plan_uuid'],
    })
    const closed = { name: 'Closed', interval: 'weekly', amount: 100, status: 'inactive' }
    const { uuid } = (await business.api('POST', '/v1/subscription-plans', closed)).body.data
    const answer = await sdk('generate-subscription-url', { ...right, subscription_plan_uuid: uuid })
    expectFailure(answer, { status: 400, code: '052' })
  })
})

describe('the page of a plan', () => {
  let server: TestServer
  let business: TestBusiness
  let plan: Body
  let customer: Body
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
    business = await server.business('Page & Business')
    const gold = { name: 'Gold <b>', interval: 'quarterly', amount: 200 }
    plan = (await business.api('POST', '/v1/subscription-plans', gold)).body.data
    customer = (await business.api('POST', '/v1/customers', { email: 'ada@example.com', name: 'Ada' })).body.data
  })
  after(() => server.close())

  const look = (path: string) => fetch(`${server.url}${path}`, { headers: { 'accept-language': 'en' } })
  const submit = (path: string, fields: Record<string, string>) =>
    fetch(`${server.url}${path}`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  const linkOf = async (): Promise<URL> => {
    const body = { customer_uuid: customer.uuid, subscription_plan_uuid: plan.uuid }
    const answer = await business.api('POST', '/v1/subscriptions/generate-url', body)
    // As the SDK does.
    return new URL(`${answer.body.data.link}&public_key=x&success_redirect_url=https%3A%2F%2Fshop.example%2Fdone`)
  }
  /** The request behind the checkout that a form was sent on to. */
  const requestAt = async (answer: Response): Promise<Body> => {
    assert.equal(answer.status, 303, await answer.clone().text())
    const address = new URL(String(answer.headers.get('location')))
    assert.match(address.pathname, /^\/checkout\/[\w-]{43}$/)
    const newest = await business.api('GET', '/v1/payment-requests?per_page=1')
    assert.equal((await look(address.pathname)).status, 200)
    return newest.body.data.payment_requests.data[0]
  }

  test('200 it shows the plan and asks who subscribes; looking makes nothing', async () => {
    const before = await countRows(server.ctx)
    const answer = await look(`/subscribe/${plan.link_id}`)
    const page = await answer.text()
    assert.equal(answer.status, 200)
    assert.match(page, /Subscribe to Gold &#60;b&#62;/)
    assert.match(page, /Page &#38; Business/)
    assert.match(page, /every 90 days/)
    assert.match(page, /name="email"/)
    assert.match(answer.headers.get('content-security-policy') ?? '', /frame-ancestors \*/)
    assert.deepEqual(await countRows(server.ctx), before)
  })

  test('303 the form makes the payment request and goes on to its checkout', async () => {
    const fields = { email: 'new@example.com', name: 'New Payer' }
    const made = await requestAt(await submit(`/subscribe/${plan.link_id}`, fields))
    assert.deepEqual([made.intent, made.amount, made.customer.email], ['subscription', '200', 'new@example.com'])
    assert.equal(made.customer.full_name, 'New Payer')
  })

  test('303 a customer’s link asks nothing more, and keeps where they go afterwards', async () => {
    const link = await linkOf()
    const page = await (await look(link.pathname + link.search)).text()
    assert.doesNotMatch(page, /name="email"/)
    assert.ok(!page.includes(customer.uuid) && !page.includes('ada@example.com'))
    const hidden = Object.fromEntries(
      [...page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [
        String(name),
        String(value),
      ]),
    )
    assert.deepEqual(Object.keys(hidden), ['customer', 'success_redirect_url'])
    const made = await requestAt(await submit(link.pathname, { ...hidden, email: 'other@example.com' }))
    assert.equal(made.customer.uuid, customer.uuid)
    const { rows } = await sql<Body>`select success_redirect_url from payment_requests where ref = ${made.ref}`.execute(
      server.ctx.db,
    )
    assert.equal(rows[0]?.success_redirect_url, 'https://shop.example/done')
  })

  test('404 a customer’s link altered, or used at another plan, opens nothing', async () => {
    const link = await linkOf()
    const token = String(link.searchParams.get('customer'))
    const silver = { name: 'Silver', interval: 'weekly', amount: 100 }
    const other = (await business.api('POST', '/v1/subscription-plans', silver)).body.data
    for (const [path, named] of [
      [`/subscribe/${plan.link_id}`, `${token.slice(0, -2)}AA`],
      [`/subscribe/${plan.link_id}`, customer.uuid],
      [`/subscribe/${other.link_id}`, token],
      ['/subscribe/aaaaaaaa', token],
      ['/subscribe/x', token],
    ] as const) {
      assert.equal((await look(`${path}?customer=${named}`)).status, 404, path)
      assert.equal((await submit(path, { customer: named, email: 'a@example.com' })).status, 404, path)
    }
  })

  test('422 without a right e-mail the page says so and keeps what was typed', async () => {
    for (const email of ['', 'nobody', '<script>@x']) {
      const answer = await submit(`/subscribe/${plan.link_id}`, { email, name: 'Typed "name"' })
      const page = await answer.text()
      assert.equal(answer.status, 422, email)
      assert.match(page, /Please check the e-mail address/)
      assert.match(page, /value="Typed &#34;name&#34;"/)
      assert.ok(!page.includes('<script>@x'))
    }
  })

  test('a plan with a trial begins with the least sum; an inactive one is closed; a deleted one is none', async () => {
    const wish = { name: 'Tried', interval: 'monthly', amount: 900, trial_period: 7 }
    const tried = (await business.api('POST', '/v1/subscription-plans', wish)).body.data
    const path = `/subscribe/${tried.link_id}`
    assert.match(await (await look(path)).text(), /First 7 days free/)
    const made = await requestAt(await submit(path, { email: 'trial@example.com' }))
    assert.equal(made.amount, '50')

    await business.api('PATCH', `/v1/subscription-plans/${tried.uuid}/deactivate`)
    for (const [answer, status] of [
      [await look(path), 200],
      [await submit(path, { email: 'late@example.com' }), 400],
    ] as const) {
      const page = await answer.text()
      assert.equal(answer.status, status)
      assert.match(page, /takes no new subscribers/)
      assert.doesNotMatch(page, /<form/)
    }
    await business.api('DELETE', `/v1/subscription-plans/${tried.uuid}`)
    assert.equal((await look(path)).status, 404)
    assert.equal((await submit(path, { email: 'late@example.com' })).status, 404)
  })
})
