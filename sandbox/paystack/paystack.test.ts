import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { call, KEY, merchantFor, openCheckout, payCheckout, sandboxFor, until, verify } from '../testing.ts'

test('401 Invalid key for no key, a garbage key and a live key', async (t) => {
  const { url } = await sandboxFor(t)
  for (const key of [null, 'nonsense', 'pk_test_abc', 'sk_live_0123456789']) {
    const answer = await call('GET', `${url}/paystack/balance`, undefined, key)
    assert.equal(answer.status, 401)
    assert.deepEqual(answer.body, { status: false, message: 'Invalid key' })
  }
})

test('400 for what Paystack refuses to open', async (t) => {
  const { url } = await sandboxFor(t)
  const wrong: [more: Record<string, unknown>, code: string][] = [
    [{ email: undefined }, 'missing_params'],
    [{ email: 'nobody' }, 'invalid_email_address'],
    [{ amount: undefined }, 'missing_params'],
    [{ amount: 'many' }, 'invalid_amount'],
    [{ amount: 150.5 }, 'invalid_amount'],
    [{ amount: 4999 }, 'invalid_amount'],
    [{ amount: 1_000_000_001 }, 'invalid_amount'],
    [{ amount: 199, currency: 'USD' }, 'invalid_amount'],
    [{ currency: 'EUR' }, 'unsupported_currency'],
    [{ reference: 'has_underscore' }, 'invalid_reference'],
  ]
  for (const [more, code] of wrong) {
    const answer = await openCheckout(url, 'ref-1', more)
    assert.equal(answer.status, 400, JSON.stringify(more))
    assert.equal(answer.body.code, code, JSON.stringify(more))
  }
  assert.equal((await openCheckout(url, 'ref-1', { amount: '150000' })).status, 200)
  const twice = await openCheckout(url, 'ref-1')
  assert.equal(twice.status, 400)
  assert.equal(twice.body.code, 'duplicate_reference')
  assert.equal(twice.body.message, 'Duplicate Transaction Reference')
})

test('an untouched link is abandoned, an unknown reference 404, a refusal leaves it payable', async (t) => {
  const { url } = await sandboxFor(t)
  await openCheckout(url, 'r.1=a')
  assert.equal((await verify(url, 'r.1=a')).body.data.status, 'abandoned')
  assert.equal((await verify(url, 'unknown')).body.code, 'transaction_not_found')
  await payCheckout(url, 'r.1=a', { card: '4084 0800 0067 0037' })
  const refused = (await verify(url, 'r.1=a')).body.data
  assert.deepEqual([refused.status, refused.gateway_response], ['failed', 'Insufficient Funds'])
  await payCheckout(url, 'r.1=a')
  const paid = (await verify(url, 'r.1=a')).body.data
  assert.deepEqual([paid.status, paid.amount, paid.currency], ['success', 150_000, 'NGN'])
  assert.equal(paid.log.errors, 1)
  const other = await call('GET', `${url}/paystack/transaction/verify/r.1=a`, undefined, 'sk_test_somebodyelse')
  assert.equal(other.status, 404)
})

test('magic amounts disagree with what was asked', async (t) => {
  const { url } = await sandboxFor(t)
  const seen: Record<string, unknown> = {}
  for (const amount of [159_901, 159_902, 159_903, 159_904, 154_002]) {
    await openCheckout(url, `m${amount}`, { amount })
    await payCheckout(url, `m${amount}`)
    const { data } = (await verify(url, `m${amount}`)).body
    assert.equal(data.requested_amount, data.amount)
    seen[amount] = [data.status, data.amount, data.currency, data.reference]
  }
  assert.deepEqual(seen, {
    159901: ['success', 159_801, 'NGN', 'm159901'],
    159902: ['success', 160_002, 'NGN', 'm159902'],
    159903: ['success', 159_903, 'USD', 'm159903'],
    159904: ['success', 159_904, 'NGN', 'm159904-other'],
    154002: ['failed', 154_002, 'NGN', 'm154002'],
  })
})

test('an ongoing payment succeeds by itself, with its webhook', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await openCheckout(url, 'slow', { amount: 154_008 })
  await payCheckout(url, 'slow')
  assert.equal((await verify(url, 'slow')).body.data.status, 'ongoing')
  assert.equal((await payCheckout(url, 'slow')).status, 409)
  await until('success', async () => (await verify(url, 'slow')).body.data.status === 'success')
  await until('one webhook', () => merchant.received.length === 1)
})

test('charge.success carries the exact signed bytes and is repeated until 200, not 201', async (t) => {
  const { url } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  merchant.answers.push(500, 201, 302)
  await call(
    'POST',
    `${url}/control/accounts`,
    { channel: 'paystack', secret_key: KEY, webhook_url: merchant.url },
    null,
  )
  await openCheckout(url, 'hook', { metadata: { order: 7 } })
  await payCheckout(url, 'hook')
  await until('four tries', () => merchant.received.length === 4)
  for (const { raw, headers, body } of merchant.received) {
    assert.equal(headers['x-paystack-signature'], createHmac('sha512', KEY).update(raw).digest('hex'))
    assert.equal(body.event, 'charge.success')
    assert.deepEqual(body.data, (await call('GET', `${url}/paystack/transaction/${body.data.id}`)).body.data)
  }
})

test('a refused payment sends no webhook', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  await openCheckout(url, 'no')
  await payCheckout(url, 'no', { outcome: 'failed' })
  await payCheckout(url, 'no')
  await until('the webhook of the success', () => merchant.received.length > 0)
  assert.deepEqual(
    merchant.received.map(({ body }) => body.data.status),
    ['success'],
  )
})

async function savedCard(
  url: string,
  reference: string,
  card: string,
): Promise<{ authorization_code: string; reusable: boolean; signature: string }> {
  await openCheckout(url, reference)
  await payCheckout(url, reference, { card })
  return (await verify(url, reference)).body.data.authorization
}

test('a saved card is charged with its e-mail, and by nobody else', async (t) => {
  const { url } = await sandboxFor(t)
  const saved = await savedCard(url, 'first', '4084084084084081')
  const again = await savedCard(url, 'second', '4084084084084081')
  assert.equal(saved.signature, again.signature)
  const { authorization_code } = saved
  const charge = (more: Record<string, unknown>, key = KEY) => {
    const body = { email: 'Ada@example.com', amount: 150_000, authorization_code, ...more }
    return call('POST', `${url}/paystack/transaction/charge_authorization`, body, key)
  }
  const paid = await charge({ reference: 'renewal' })
  assert.deepEqual([paid.status, paid.body.message, paid.body.data.status], [200, 'Charge attempted', 'success'])
  assert.equal((await charge({ reference: 'renewal' })).body.code, 'duplicate_reference')
  assert.equal((await charge({ email: 'eve@example.com' })).status, 400)
  assert.equal((await charge({}, 'sk_test_somebodyelse')).status, 400)
  const declined = await charge({ reference: 'poor', amount: 154_002 })
  assert.deepEqual([declined.status, declined.body.data.status], [200, 'failed'])
  assert.equal((await payCheckout(url, 'poor')).status, 404)
  const paused = await charge({ reference: 'ask', amount: 154_003 })
  assert.deepEqual([paused.body.data.paused, paused.body.data.status], [true, undefined])
  assert.equal((await call('GET', paused.body.data.authorization_url, undefined, null)).status, 200)
  await payCheckout(url, 'ask')
  assert.equal((await verify(url, 'ask')).body.data.status, 'success')
  const off = await call('POST', `${url}/paystack/customer/authorization/deactivate`, { authorization_code })
  assert.equal(off.status, 200)
  assert.match((await charge({ reference: 'gone' })).body.message, /does not exist or has been deactivated/)
})

test('each card has its nature', async (t) => {
  const { url } = await sandboxFor(t)
  const charge = async (reference: string, card: string) => {
    const { authorization_code } = await savedCard(url, `${reference}-first`, card)
    const body = { email: 'ada@example.com', amount: 150_000, authorization_code, reference }
    return (await call('POST', `${url}/paystack/transaction/charge_authorization`, body)).body
  }
  assert.equal((await savedCard(url, 'notoken', '507850785078507853')).reusable, false)
  assert.equal((await charge('single', '507850785078507853')).message, 'This authorization is not reusable')
  assert.equal((await charge('declines', '4084080000000341')).data.status, 'failed')
  assert.equal((await charge('challenges', '4084080000003184')).data.paused, true)
})

test('refunds end as the card says, and never exceed the payment', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'paystack', secretKey: KEY, webhookUrl: merchant.url })
  const refund = (transaction: string, amount?: number) => {
    return call('POST', `${url}/paystack/refund`, { transaction, ...(amount !== undefined && { amount }) })
  }
  await savedCard(url, 'whole', '4084084084084081')
  const both = await Promise.all([refund('whole', 100_000), refund('whole', 100_000)])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400])
  assert.equal((await refund('whole')).body.data.amount, 50_000)
  assert.equal((await refund('whole')).status, 400)
  await savedCard(url, 'fails', '4084080000671803')
  const failing = (await refund('fails')).body.data.id
  await savedCard(url, 'attention', '4084080000671902')
  const stuck = (await refund('attention')).body.data.id
  const statusOf = async (id: number) => (await call('GET', `${url}/paystack/refund/${id}`)).body.data.status
  await until('the failure', async () => (await statusOf(failing)) === 'failed')
  await until('the attention', async () => (await statusOf(stuck)) === 'needs-attention')
  const details = { refund_account_details: { currency: 'NGN', account_number: '0000000000', bank_id: '21' } }
  const retry = await call('POST', `${url}/paystack/refund/retry_with_customer_details/${stuck}`, details)
  assert.equal(retry.body.data.status, 'processing')
  await until('the end', async () => (await statusOf(stuck)) === 'processed')
  assert.equal((await call('POST', `${url}/paystack/refund/retry_with_customer_details/${stuck}`, details)).status, 422)
  await until('reversed', async () => (await verify(url, 'whole')).body.data.status === 'reversed')
  await until('webhooks', () => merchant.received.filter(({ body }) => body.event === 'refund.processed').length === 3)
  const { body: rows } = await call('GET', `${url}/control/ledger`, undefined, null)
  const moved = rows.filter((row: { reference: string }) => row.reference === 'whole')
  assert.deepEqual(
    moved.map((row: Record<string, unknown>) => [row.kind, row.amount_minor, row.status]),
    [
      ['charge', 150_000, 'success'],
      ['refund', 100_000, 'success'],
      ['refund', 50_000, 'success'],
    ],
  )
})

test('transfers: recipient once, reference once, balance respected', async (t) => {
  const { url } = await sandboxFor(t)
  const account = { type: 'nuban', name: 'Ada', account_number: '0000000000', bank_code: '057', currency: 'NGN' }
  const made = await call('POST', `${url}/paystack/transferrecipient`, account)
  assert.equal(made.status, 201)
  const recipient = made.body.data.recipient_code
  assert.equal((await call('POST', `${url}/paystack/transferrecipient`, account)).body.data.recipient_code, recipient)
  const pay = (reference: string, more: Record<string, unknown> = {}) => {
    const body = { source: 'balance', amount: 10_000, recipient, reference, reason: 'wages', ...more }
    return call('POST', `${url}/paystack/transfer`, body)
  }
  const sent = await pay('payout-0000000001')
  assert.deepEqual([sent.status, sent.body.data.status], [200, 'success'])
  assert.equal((await pay('payout-0000000001')).body.code, 'duplicate_transfer_reference')
  assert.equal((await pay('short')).body.code, 'invalid_transfer_reference')
  assert.equal((await pay('payout-0000000002', { recipient: 'RCP_x' })).body.code, 'invalid_transfer_recipient')
  assert.equal((await pay('payout-0000000003', { amount: 1_000_000_000 })).body.code, 'insufficient_balance')
  assert.equal((await pay('payout-0000000004', { amount: 14_002 })).body.data.status, 'failed')
  assert.equal((await pay('payout-0000000004')).body.data.status, 'success')
  assert.equal((await pay('payout-0000000005', { amount: 14_009 })).body.data.status, 'success')
  const found = await call('GET', `${url}/paystack/transfer/verify/payout-0000000001`)
  assert.equal(found.body.data.recipient.recipient_code, recipient)
  assert.equal((await call('GET', `${url}/paystack/transfer/${found.body.data.transfer_code}`)).status, 200)
  assert.equal((await call('GET', `${url}/paystack/transfer/verify/none`)).body.message, 'Transfer not found')
  const bulk = (reference: string) => {
    const body = { source: 'balance', currency: 'NGN', transfers: [{ amount: 10_000, recipient, reference }] }
    return call('POST', `${url}/paystack/transfer/bulk`, body)
  }
  assert.equal((await bulk('payout-0000000006')).body.message, '1 transfers queued.')
  assert.equal((await bulk('payout-0000000006')).status, 404)
  await until('the reversal', async () => {
    return (await call('GET', `${url}/paystack/transfer/verify/payout-0000000005`)).body.data.status === 'reversed'
  })
  const { body: balance } = await call('GET', `${url}/paystack/balance`)
  assert.deepEqual(balance.data[0], { currency: 'NGN', balance: 1_000_000_000 - 30_000 })
})

test('banks by country, names by account, customers by e-mail and code', async (t) => {
  const { url } = await sandboxFor(t)
  const banks = await call('GET', `${url}/paystack/bank?country=ghana&perPage=2`)
  assert.deepEqual([banks.body.data.length, banks.body.meta.next], [2, '2'])
  const resolve = (query: string) => call('GET', `${url}/paystack/bank/resolve?${query}`)
  assert.equal((await resolve('account_number=0000000000&bank_code=057')).body.data.account_name, 'ZENITH TEST ACCOUNT')
  assert.equal((await resolve('account_number=0000000000&bank_code=059')).body.message, 'Unknown bank code: 059')
  assert.equal((await resolve('account_number=9999000000&bank_code=057')).status, 422)
  const made = await call('POST', `${url}/paystack/customer`, { email: 'Ada@Example.com', first_name: 'Ada' })
  const found = await call('GET', `${url}/paystack/customer/${made.body.data.customer_code}`)
  assert.deepEqual([found.body.data.email, found.body.data.first_name], ['ada@example.com', 'Ada'])
  assert.equal((await call('GET', `${url}/paystack/customer/nobody@example.com`)).status, 404)
})
