import assert from 'node:assert/strict'
import { test } from 'node:test'
import Stripe from 'stripe'
import { call, KEY } from '../testing.ts'
import { benchFor, clientFor, ledgerOf, pageParams, payPage, refusalOf, savedCard } from './testing.ts'

/** The emulator driven by the `stripe` package alone: it must not be able to tell. */

test('401 for a live key, a publishable key and none', async (t) => {
  const { url } = await benchFor(t)
  for (const key of ['sk_live_0123456789abcdef', 'pk_test_abc', 'nonsense']) {
    const error = await refusalOf(clientFor(url, key).balance.retrieve())
    assert.ok(error instanceof Stripe.errors.StripeAuthenticationError)
    assert.match(error.message, /Invalid API Key provided/)
    assert.doesNotMatch(error.message, /0123456789/)
  }
  const none = await call('GET', `${url}/stripe/v1/balance`, undefined, null)
  assert.deepEqual([none.status, none.body.error.type], [401, 'invalid_request_error'])
})

test('every answer has a request id, and the version that was asked for', async (t) => {
  const { client, url } = await benchFor(t)
  const { lastResponse } = await client.balance.retrieve()
  assert.match(lastResponse.requestId, /^req_\w{14}$/)
  assert.equal(lastResponse.apiVersion, Stripe.API_VERSION)
  const unknown = await call('GET', `${url}/stripe/v1/nothing`)
  assert.deepEqual([unknown.status, unknown.body.error.type], [404, 'invalid_request_error'])
})

test('an untouched page is open, unpaid, and has no payment intent', async (t) => {
  const { client, url } = await benchFor(t)
  const session = await client.checkout.sessions.create(pageParams('s-1', { metadata: { order: '7' } }))
  assert.match(session.id, /^cs_test_\w{58}$/)
  assert.equal(session.url, `${url}/stripe/c/pay/${session.id}`)
  assert.deepEqual(
    [session.status, session.payment_status, session.payment_intent, session.amount_total, session.currency],
    ['open', 'unpaid', null, 5000, 'usd'],
  )
  assert.deepEqual([session.client_reference_id, session.metadata], ['s-1', { order: '7' }])
  assert.equal(session.expires_at - session.created, 24 * 60 * 60)
  const found = await client.checkout.sessions.retrieve(session.id, { expand: ['payment_intent.latest_charge'] })
  assert.deepEqual(found, session)
  const items = await client.checkout.sessions.listLineItems(session.id)
  assert.deepEqual([items.data[0]?.description, items.data[0]?.amount_total], ['Order 7', 5000])
})

test('404 resource_missing for an unknown id and for another account’s', async (t) => {
  const { client, url } = await benchFor(t)
  const { id } = await client.checkout.sessions.create(pageParams('s-2'))
  const stranger = clientFor(url, 'sk_test_somebodyelse')
  for (const promise of [
    client.checkout.sessions.retrieve('cs_test_nothing'),
    stranger.checkout.sessions.retrieve(id),
    client.paymentIntents.retrieve('pi_nothing'),
    client.refunds.retrieve('re_nothing'),
    client.customers.retrieve('cus_nothing'),
    client.paymentMethods.retrieve('pm_nothing'),
    client.events.retrieve('evt_nothing'),
  ]) {
    const error = await refusalOf(promise)
    assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError)
    assert.deepEqual([error.statusCode, error.code], [404, 'resource_missing'])
  }
})

test('400 with its code for what Stripe refuses to open', async (t) => {
  const { client } = await benchFor(t)
  const now = Math.trunc(Date.now() / 1000)
  const wrong: [change: object, code: string | undefined, money?: { currency: string; unit_amount: number }][] = [
    [{ mode: undefined }, 'parameter_missing'],
    [{ line_items: undefined }, 'parameter_missing'],
    [{ success_url: undefined }, 'parameter_missing'],
    [{ success_url: 'nowhere' }, 'url_invalid'],
    [{ customer_email: 'nobody' }, 'email_invalid'],
    [{ payment_method_types: ['card'] }, 'parameter_unknown'],
    [{ customer: 'cus_nothing' }, 'resource_missing'],
    [{ client_reference_id: 'x'.repeat(201) }, undefined],
    [{ expires_at: now + 20 * 60 }, undefined],
    [{ expires_at: now + 25 * 60 * 60 }, undefined],
    [{ mode: 'subscription' }, undefined],
    [{}, 'amount_too_small', { currency: 'usd', unit_amount: 49 }],
    [{}, 'amount_too_small', { currency: 'jpy', unit_amount: 49 }],
    [{}, 'amount_too_large', { currency: 'usd', unit_amount: 100_000_000 }],
    [{}, undefined, { currency: 'qqq', unit_amount: 5000 }],
    [{}, undefined, { currency: 'kwd', unit_amount: 5124 }],
    [{}, undefined, { currency: 'isk', unit_amount: 50_050 }],
    [{}, 'parameter_invalid_integer', { currency: 'usd', unit_amount: 50.5 }],
  ]
  for (const [change, code, money] of wrong) {
    const error = await refusalOf(client.checkout.sessions.create(pageParams('s-3', change, money)))
    assert.equal(error.code, code, `${JSON.stringify([change, money])}: ${error.message}`)
    assert.ok([400, 404].includes(error.statusCode ?? 0))
  }
})

test('a paid page is complete, and its payment can be written out in full', async (t) => {
  const { client, url } = await benchFor(t)
  const { id } = await client.checkout.sessions.create(pageParams('s-4'))
  const paid = await payPage(url, 's-4')
  assert.deepEqual(paid.body, {
    ...{ channel: 'stripe', reference: 's-4', status: 'complete' },
    redirect_url: `https://shop.example/back?order=7&session_id=${id}`,
  })
  const expand = ['payment_intent.latest_charge.balance_transaction', 'payment_intent.payment_method']
  const session = await client.checkout.sessions.retrieve(id, { expand })
  assert.deepEqual([session.status, session.payment_status, session.url], ['complete', 'paid', null])
  const intent = session.payment_intent as Stripe.PaymentIntent
  assert.deepEqual([intent.status, intent.amount_received, intent.currency], ['succeeded', 5000, 'usd'])
  const charge = intent.latest_charge as Stripe.Charge
  assert.deepEqual([charge.status, charge.paid, charge.refunded], ['succeeded', true, false])
  assert.equal((charge.balance_transaction as Stripe.BalanceTransaction).net, 5000 - 175)
  const method = intent.payment_method as Stripe.PaymentMethod
  assert.deepEqual([method.card?.brand, method.card?.last4, method.customer], ['visa', '4242', null])
  assert.equal((await payPage(url, 's-4')).status, 409)
  const error = await refusalOf(client.checkout.sessions.retrieve(id, { expand: ['metadata.nothing'] }))
  assert.match(error.message, /cannot be expanded/)
})

test('a refused attempt keeps the page open, says why, and the next one pays', async (t) => {
  const { client, url } = await benchFor(t)
  const { id } = await client.checkout.sessions.create(pageParams('s-5'))
  const refusals: [card: string, code: string, decline: string][] = [
    ['4000000000000002', 'card_declined', 'generic_decline'],
    ['4000000000009995', 'card_declined', 'insufficient_funds'],
    ['4000000000000069', 'expired_card', 'expired_card'],
    ['4000000000000127', 'incorrect_cvc', 'incorrect_cvc'],
    ['4000000000000119', 'processing_error', 'processing_error'],
    ['4111111111111111', 'card_declined', 'test_mode_live_card'],
  ]
  let first: string | null = null
  for (const [card, code, decline] of refusals) {
    assert.equal((await payPage(url, 's-5', { card })).body.status, 'open')
    const session = await client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] })
    assert.deepEqual([session.status, session.payment_status], ['open', 'unpaid'])
    const intent = session.payment_intent as Stripe.PaymentIntent
    assert.equal(intent.status, 'requires_payment_method')
    const { last_payment_error: error } = intent
    assert.deepEqual([error?.code, error?.decline_code, error?.type], [code, decline, 'card_error'])
    first ??= intent.id
    assert.equal(intent.id, first, 'one intent for all tries of a page')
  }
  await payPage(url, 's-5')
  const session = await client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] })
  const intent = session.payment_intent as Stripe.PaymentIntent
  assert.deepEqual([session.payment_status, intent.status, intent.last_payment_error], ['paid', 'succeeded', null])
  assert.deepEqual(await ledgerOf(url), [
    {
      ...{ channel: 'stripe', kind: 'charge', reference: 's-5' },
      ...{ amount_minor: 5000, currency: 'USD', status: 'success' },
    },
  ])
})

test('an expired page stays so, and a paid one cannot be expired', async (t) => {
  const { client, url } = await benchFor(t)
  const { id } = await client.checkout.sessions.create(pageParams('s-6'))
  const expired = await client.checkout.sessions.expire(id)
  assert.deepEqual([expired.status, expired.url], ['expired', null])
  assert.equal((await payPage(url, 's-6')).status, 404)
  const again = await refusalOf(client.checkout.sessions.expire(id))
  assert.match(again.message, /status in \["open"\] can be expired.*status of `expired`/)
  const other = await client.checkout.sessions.create(pageParams('s-7'))
  await payPage(url, 's-7')
  assert.match((await refusalOf(client.checkout.sessions.expire(other.id))).message, /status of `complete`/)
})

test('a page dies at its time although nobody looks', async (t) => {
  const { client, url } = await benchFor(t)
  const { id, expires_at } = await client.checkout.sessions.create(pageParams('s-8'))
  t.mock.timers.enable({ apis: ['Date'], now: expires_at * 1000 - 1000 })
  assert.equal((await client.checkout.sessions.retrieve(id)).status, 'open')
  t.mock.timers.setTime(expires_at * 1000 + 1000)
  assert.equal((await payPage(url, 's-8')).status, 404)
  assert.equal((await client.checkout.sessions.retrieve(id)).status, 'expired')
  assert.equal((await client.events.list({ type: 'checkout.session.expired' })).data.length, 1)
})

test('magic amounts disagree with what was asked', async (t) => {
  const { client, url } = await benchFor(t)
  const seen: Record<number, unknown[]> = {}
  for (const unit_amount of [19_901, 19_902, 19_903, 19_904, 14_002]) {
    const reference = `m-${unit_amount}`
    const money = { currency: 'usd', unit_amount }
    const { id } = await client.checkout.sessions.create(pageParams(reference, {}, money))
    await payPage(url, reference)
    const session = await client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] })
    const intent = session.payment_intent as Stripe.PaymentIntent
    seen[unit_amount] = [
      ...[session.payment_status, session.amount_total, session.currency, session.client_reference_id],
      ...[intent.amount_received, intent.currency],
    ]
  }
  assert.deepEqual(seen, {
    19901: ['paid', 19_801, 'usd', 'm-19901', 19_801, 'usd'],
    19902: ['paid', 20_002, 'usd', 'm-19902', 20_002, 'usd'],
    19903: ['paid', 19_903, 'eur', 'm-19903', 19_903, 'eur'],
    19904: ['paid', 19_904, 'usd', 'm-19904-other', 19_904, 'usd'],
    14002: ['unpaid', 14_002, 'usd', 'm-14002', 0, 'usd'],
  })
})

test('an undecided payment is complete and unpaid, then paid by itself', async (t) => {
  const { client, url } = await benchFor(t)
  const { id } = await client.checkout.sessions.create(pageParams('m-8', {}, { currency: 'usd', unit_amount: 14_008 }))
  await payPage(url, 'm-8')
  const waiting = await client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] })
  assert.deepEqual([waiting.status, waiting.payment_status], ['complete', 'unpaid'])
  assert.equal((waiting.payment_intent as Stripe.PaymentIntent).status, 'processing')
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4000 })
  assert.equal((await client.checkout.sessions.retrieve(id)).payment_status, 'paid')
  const { data } = await client.events.list({ type: 'checkout.session.async_payment_succeeded' })
  assert.equal((data[0]!.data.object as Stripe.Checkout.Session).payment_status, 'paid')
})

test('a saved card is charged without the payer; declines and challenges are 402', async (t) => {
  const bench = await benchFor(t)
  const { client, url } = bench
  const charge = (saved: object, amount = 2000, reference = 'c-1') =>
    client.paymentIntents.create({
      ...{ amount, currency: 'usd', ...saved, off_session: true, confirm: true, metadata: { reference } },
    })
  const good = await savedCard(bench, 'v-1', '4242424242424242')
  const done = await charge(good)
  assert.deepEqual([done.status, done.amount_received, done.customer], ['succeeded', 2000, good.customer])
  const once = await savedCard(bench, 'v-2', '4000002500003155')
  assert.equal((await charge(once)).status, 'succeeded')
  const refused: [card: string, code: string, decline: string, amount?: number][] = [
    ['4000000000000341', 'card_declined', 'generic_decline'],
    ['4000002760003184', 'authentication_required', 'authentication_required'],
    ['4242424242424242', 'card_declined', 'insufficient_funds', 24_002],
    ['4242424242424242', 'authentication_required', 'authentication_required', 24_003],
  ]
  for (const [card, code, decline, amount] of refused) {
    const saved = await savedCard(bench, `v-${card}-${amount}`, card)
    const error = await refusalOf(charge(saved, amount, `c-${card}-${amount}`))
    assert.ok(error instanceof Stripe.errors.StripeCardError)
    assert.deepEqual([error.statusCode, error.code, error.decline_code], [402, code, decline])
    const intent = error.payment_intent as Stripe.PaymentIntent
    assert.deepEqual([intent.status, intent.last_payment_error?.code], ['requires_payment_method', code])
    assert.equal((await client.paymentIntents.retrieve(intent.id)).status, 'requires_payment_method')
  }
  const asking = await client.paymentIntents.create({
    ...{ amount: 2000, currency: 'usd', payment_method: 'pm_card_authenticationRequired', confirm: true },
  })
  assert.equal(asking.status, 'requires_action')
  const rows = await ledgerOf(url)
  assert.deepEqual(
    rows.filter(({ reference }) => String(reference).startsWith('c-')).map(({ status }) => status),
    ['success', 'success', 'failed', 'failed', 'failed', 'failed'],
  )
})

test('an intent is made, confirmed, cancelled, found by its metadata', async (t) => {
  const { client } = await benchFor(t)
  const money = { amount: 2000, currency: 'usd' }
  const made = await client.paymentIntents.create({ ...money, metadata: { order: 'x 7' } })
  assert.equal(made.status, 'requires_payment_method')
  const confirmed = await client.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' })
  assert.equal(confirmed.status, 'succeeded')
  const late = await refusalOf(client.paymentIntents.cancel(made.id))
  assert.equal(late.code, 'payment_intent_unexpected_state')
  const other = await client.paymentIntents.create({ ...money, payment_method: 'pm_card_visa' })
  assert.equal(other.status, 'requires_confirmation')
  const canceled = await client.paymentIntents.cancel(other.id, { cancellation_reason: 'abandoned' })
  assert.deepEqual([canceled.status, canceled.cancellation_reason], ['canceled', 'abandoned'])
  const { data } = await client.paymentIntents.search({ query: "metadata['order']:'x 7' AND status:'succeeded'" })
  assert.deepEqual(
    data.map(({ id }) => id),
    [made.id],
  )
})

test('customers keep cards: attach, list, detach', async (t) => {
  const { client } = await benchFor(t)
  const customer = await client.customers.create({ email: 'ada@example.com', name: 'Ada', metadata: { a: 'b' } })
  const method = await client.paymentMethods.attach('pm_card_visa', { customer: customer.id })
  assert.equal(method.customer, customer.id)
  const listed = await client.customers.listPaymentMethods(customer.id, { type: 'card' })
  assert.deepEqual([listed.data.length, listed.data[0]?.id, listed.has_more], [1, method.id, false])
  assert.equal((await client.paymentMethods.detach(method.id)).customer, null)
  assert.equal((await client.customers.listPaymentMethods(customer.id)).data.length, 0)
  const declined = await refusalOf(client.paymentMethods.attach('pm_card_chargeDeclined', { customer: customer.id }))
  assert.ok(declined instanceof Stripe.errors.StripeCardError)
  assert.equal((await client.customers.update(customer.id, { name: 'Ada L' })).name, 'Ada L')
  assert.equal((await client.customers.list({ email: 'ada@example.com' })).data.length, 1)
  assert.deepEqual(await client.customers.del(customer.id), { id: customer.id, object: 'customer', deleted: true })
})

test('a card is saved without paying', async (t) => {
  const { client, url } = await benchFor(t)
  const customer = await client.customers.create({ email: 'ada@example.com' })
  const setup = await client.setupIntents.create({
    customer: customer.id,
    payment_method: 'pm_card_visa',
    confirm: true,
  })
  assert.equal(setup.status, 'succeeded')
  const params = { mode: 'setup', currency: 'usd', customer_creation: 'always', line_items: undefined } as const
  const { id } = await client.checkout.sessions.create(pageParams('setup-1', params as object))
  assert.equal((await payPage(url, 'setup-1', { outcome: 'failed' })).body.status, 'open')
  assert.equal((await payPage(url, 'setup-1')).body.status, 'complete')
  const session = await client.checkout.sessions.retrieve(id, { expand: ['setup_intent'] })
  assert.deepEqual([session.status, session.payment_status], ['complete', 'no_payment_required'])
  const saved = session.setup_intent as Stripe.SetupIntent
  assert.deepEqual([saved.status, saved.customer], ['succeeded', session.customer])
  assert.deepEqual(await ledgerOf(url), [])
})

test('refunds: in parts, not more than was paid, and by the card that decides', async (t) => {
  const { client, url } = await benchFor(t)
  const paid = async (reference: string, card?: string) => {
    const { id } = await client.checkout.sessions.create(pageParams(reference))
    const before = await refusalOf(client.refunds.create({ payment_intent: 'pi_nothing' }))
    assert.equal(before.code, 'resource_missing')
    await payPage(url, reference, card === undefined ? {} : { card })
    return String((await client.checkout.sessions.retrieve(id)).payment_intent)
  }
  const payment_intent = await paid('r-1')
  const part = await client.refunds.create({ payment_intent, amount: 2000, metadata: { mine: 'r1' } })
  assert.deepEqual([part.status, part.amount, part.metadata], ['succeeded', 2000, { mine: 'r1' }])
  const much = await refusalOf(client.refunds.create({ payment_intent, amount: 3001 }))
  assert.match(much.message, /greater than unrefunded amount/)
  const rest = await client.refunds.create({ payment_intent })
  assert.equal(rest.amount, 3000)
  assert.equal((await refusalOf(client.refunds.create({ payment_intent }))).code, 'charge_already_refunded')
  const charge = await client.charges.retrieve(String(rest.charge))
  assert.deepEqual([charge.refunded, charge.amount_refunded], [true, 5000])
  const listed = await client.refunds.list({ payment_intent, limit: 1 })
  assert.deepEqual([listed.data[0]?.id, listed.has_more], [rest.id, true])
  const next = await client.refunds.list({ payment_intent, limit: 1, starting_after: rest.id })
  assert.deepEqual([next.data[0]?.id, next.has_more], [part.id, false])

  const waits = await client.refunds.create({ payment_intent: await paid('r-2', '4000000000007726') })
  const fails = await client.refunds.create({ payment_intent: await paid('r-3', '4000000000005126') })
  assert.deepEqual([waits.status, fails.status], ['pending', 'succeeded'])
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 2000 })
  assert.equal((await client.refunds.retrieve(waits.id)).status, 'succeeded')
  const failed = await client.refunds.retrieve(fails.id)
  assert.deepEqual([failed.status, failed.failure_reason], ['failed', 'expired_or_canceled_card'])
  assert.equal((await client.charges.retrieve(String(failed.charge))).amount_refunded, 0)
  assert.deepEqual(
    (await ledgerOf(url))
      .filter(({ kind }) => kind === 'refund')
      .map(({ reference, amount_minor, status }) => [reference, amount_minor, status]),
    [
      ['r-1', 2000, 'success'],
      ['r-1', 3000, 'success'],
      ['r-2', 5000, 'success'],
      ['r-3', 5000, 'failed'],
    ],
  )
})

test('payouts end, fail, and fail after they were paid', async (t) => {
  const { client, url } = await benchFor(t)
  const pay = (amount: number) =>
    client.payouts.create({ amount, currency: 'usd', metadata: { reference: `p-${amount}` } })
  const ids = [(await pay(10_000)).id, (await pay(14_002)).id, (await pay(14_009)).id]
  const statuses = async () => Promise.all(ids.map(async (id) => (await client.payouts.retrieve(id)).status))
  assert.deepEqual(await statuses(), ['pending', 'pending', 'pending'])
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: now + 2000 })
  assert.deepEqual(await statuses(), ['paid', 'failed', 'paid'])
  t.mock.timers.setTime(now + 6000)
  assert.deepEqual(await statuses(), ['paid', 'failed', 'failed'])
  assert.deepEqual(
    (await ledgerOf(url)).map(({ reference, status }) => [reference, status]),
    [
      ['p-10000', 'success'],
      ['p-14002', 'failed'],
      ['p-14009', 'failed'],
    ],
  )
  assert.equal((await refusalOf(pay(99_999_999_999))).code, 'balance_insufficient')
  assert.ok(await refusalOf(client.payouts.create({ amount: 1045, currency: 'huf' })))
  const transfer = await client.transfers.create({ amount: 500, currency: 'usd', destination: 'acct_1' })
  assert.equal((await client.transfers.retrieve(transfer.id)).amount, 500)
  const balance = await client.balance.retrieve()
  const usd = balance.available.find(({ currency }) => currency === 'usd')
  assert.equal(usd?.amount, 1_000_000_000 - 10_500)
})

test('the same for every currency: the ledger counts in ISO minor units', async (t) => {
  const { client, url } = await benchFor(t)
  const table: [currency: string, wire: number, minor: number][] = [
    ['usd', 5000, 5000],
    ['jpy', 5000, 5000],
    ['kwd', 5120, 5120],
    ['ugx', 500_000, 5000],
    ['isk', 50_000, 500],
    ['mga', 5000, 500_000],
    ['ngn', 150_050, 150_050],
    ['xof', 5000, 5000],
  ]
  for (const [currency, unit_amount] of table) {
    await client.checkout.sessions.create(pageParams(`u-${currency}`, {}, { currency, unit_amount }))
    await payPage(url, `u-${currency}`)
  }
  assert.deepEqual(
    (await ledgerOf(url)).map(({ currency, amount_minor }) => [String(currency).toLowerCase(), amount_minor]),
    table.map(([currency, , minor]) => [currency, minor]),
  )
})

test('a key that is only asked with a form gets the same', async (t) => {
  const { url } = await benchFor(t)
  const form =
    'mode=payment&success_url=https%3A%2F%2Fa.example&line_items[0][quantity]=2&line_items[0][price_data][currency]=USD&line_items[0][price_data][unit_amount]=500&line_items[0][price_data][product_data][name]=A&expand[]=line_items'
  const headers = { authorization: `Basic ${Buffer.from(`${KEY}:`).toString('base64')}`, connection: 'close' }
  const body = new URLSearchParams(form)
  const response = await fetch(`${url}/stripe/v1/checkout/sessions`, { method: 'POST', headers, body })
  const session = (await response.json()) as Stripe.Checkout.Session
  assert.deepEqual([response.status, session.amount_total, session.currency], [200, 1000, 'usd'])
})
