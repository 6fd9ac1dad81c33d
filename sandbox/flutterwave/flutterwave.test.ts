import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { call, merchantFor, sandboxFor, until } from '../testing.ts'
import { HASH_DEFAULT } from './index.ts'
import { disableLink, FLW_KEY, flwCall, openLink, payLink, verifyLink } from './testing.ts'

const HASH = 'hash-of-the-merchant'
const ledgerOf = async (url: string) => (await call('GET', `${url}/control/ledger`, undefined, null)).body

test('401 for no key, a garbage key and a live key', async (t) => {
  const { url } = await sandboxFor(t)
  const messages: Record<string, unknown> = {}
  for (const key of [null, 'nonsense', 'FLWPUBK_TEST-0123-X', 'FLWSECK-0123456789-X', 'sk_test_0123']) {
    const answer = await flwCall('GET', `${url}/flutterwave/v3/balances`, undefined, key)
    assert.deepEqual([answer.status, answer.body.status, answer.body.data], [401, 'error', null])
    messages[String(key)] = answer.body.message
  }
  assert.equal(messages.null, 'Authorization required')
  assert.equal(messages['FLWSECK-0123456789-X'], 'merchant secret key required')
})

test('400 for what Flutterwave refuses to open, 404 in its envelope for what is no path', async (t) => {
  const { url } = await sandboxFor(t)
  const wrong: [more: Record<string, unknown>, words: RegExp][] = [
    [{ tx_ref: undefined }, /tx_ref is required/],
    [{ tx_ref: 'x'.repeat(101) }, /tx_ref must be/],
    [{ amount: undefined }, /amount is required/],
    [{ amount: 'many' }, /valid amount/],
    [{ amount: 0 }, /valid amount/],
    [{ amount: -5 }, /valid amount/],
    [{ amount: '15.005' }, /valid amount/],
    [{ amount: 15.5, currency: 'XOF' }, /valid amount/],
    [{ currency: 'JPY' }, /not supported/],
    [{ redirect_url: undefined }, /redirect_url is required/],
    [{ customer: undefined }, /customer is required/],
    [{ customer: { name: 'Ada' } }, /email is required/],
    [{ customer: { email: 'nobody' } }, /valid email/],
    [{ configurations: { session_duration: 1441 } }, /session_duration/],
  ]
  for (const [more, words] of wrong) {
    const answer = await openLink(url, 'ref_1', more)
    assert.equal(answer.status, 400, JSON.stringify(more))
    assert.match(answer.body.message, words)
    assert.deepEqual([answer.body.status, answer.body.data], ['error', null])
  }
  const lost = await flwCall('GET', `${url}/flutterwave/v3/nowhere`)
  assert.deepEqual([lost.status, lost.body.status], [404, 'error'])
})

test('no transaction before the first attempt, then the latest, and a success for good', async (t) => {
  const { url } = await sandboxFor(t)
  assert.equal((await verifyLink(url, 'r_1')).body.message, 'No transaction was found for this id')
  await openLink(url, 'r_1')
  await openLink(url, 'r_1')
  const untouched = await verifyLink(url, 'r_1')
  assert.deepEqual([untouched.status, untouched.body.data], [400, null])
  assert.equal((await payLink(url, 'r_1', { card: '5590131743294314' })).body.status, 'failed')
  const refused = (await verifyLink(url, 'r_1')).body.data
  assert.match(refused.processor_response, /fraud/)
  assert.equal(refused.card.token, undefined)
  await payLink(url, 'r_1')
  const paid = (await verifyLink(url, 'r_1')).body.data
  assert.deepEqual([paid.status, paid.amount, paid.charged_amount, paid.currency], ['successful', 1500, 1500, 'NGN'])
  assert.notEqual(paid.id, refused.id)
  await payLink(url, 'r_1', { outcome: 'failed' })
  assert.equal((await verifyLink(url, 'r_1')).body.data.id, paid.id, 'a refusal on the other link changes nothing')
  const other = `${url}/flutterwave/v3/transactions/${paid.id}/verify`
  assert.equal((await flwCall('GET', other)).body.data.tx_ref, 'r_1')
  assert.equal((await flwCall('GET', other, undefined, 'FLWSECK_TEST-somebodyelse-X')).status, 400)
  const list = `${url}/flutterwave/v3/transactions?tx_ref=r_1`
  const { body } = await flwCall('GET', list)
  assert.deepEqual(
    body.data.map(({ id, status }: { id: string; status: string }) => [typeof id, status]),
    [
      ['string', 'failed'],
      ['string', 'successful'],
      ['string', 'failed'],
    ],
  )
  assert.deepEqual((await flwCall('GET', `${list}&status=successful`)).body.data[0].id, String(paid.id))
  assert.deepEqual((await flwCall('GET', `${list}&to=2020-01-01`)).body.data, [])
})

test('amounts are exact in every currency, on the wire and in the ledger', async (t) => {
  const { url } = await sandboxFor(t)
  const amounts: [wire: string | number, currency: string, minor: number, shown: number][] = [
    ['0.01', 'NGN', 1, 0.01],
    [0.29, 'USD', 29, 0.29],
    ['1234567.89', 'KES', 123_456_789, 1_234_567.89],
    ['9999999999999.99', 'NGN', 999_999_999_999_999, 9_999_999_999_999.99],
    ['70.10', 'ZAR', 7010, 70.1],
    [150, 'XOF', 150, 150],
    ['150.00', 'UGX', 150, 150],
  ]
  for (const [index, [amount, currency, minor, shown]] of amounts.entries()) {
    await openLink(url, `a_${index}`, { amount, currency })
    await payLink(url, `a_${index}`)
    const { data } = (await verifyLink(url, `a_${index}`)).body
    assert.deepEqual([data.amount, data.charged_amount, data.currency], [shown, shown, currency])
    const row = (await ledgerOf(url)).find((one: { reference: string }) => one.reference === `a_${index}`)
    assert.deepEqual([row.amount_minor, row.currency, row.status], [minor, currency, 'success'])
  }
})

test('magic amounts disagree with what was asked, by ISO minor digits', async (t) => {
  const { url } = await sandboxFor(t)
  const seen: Record<string, unknown> = {}
  const asked: [amount: string, currency: string][] = [
    ['1599.01', 'NGN'],
    ['1599.02', 'NGN'],
    ['1599.03', 'NGN'],
    ['1599.04', 'NGN'],
    ['1540.02', 'NGN'],
    ['19901', 'XOF'],
  ]
  for (const [amount, currency] of asked) {
    await openLink(url, amount, { amount, currency })
    await payLink(url, amount)
    const { data } = (await verifyLink(url, amount)).body
    seen[amount] = [data.status, data.amount, data.charged_amount, data.currency, data.tx_ref]
  }
  assert.deepEqual(seen, {
    '1599.01': ['successful', 1598.01, 1598.01, 'NGN', '1599.01'],
    '1599.02': ['successful', 1600.02, 1600.02, 'NGN', '1599.02'],
    '1599.03': ['successful', 1599.03, 1599.03, 'USD', '1599.03'],
    '1599.04': ['successful', 1599.04, 1599.04, 'NGN', '1599.04-other'],
    '1540.02': ['failed', 1540.02, 1540.02, 'NGN', '1540.02'],
    19901: ['successful', 19_900, 19_900, 'XOF', '19901'],
  })
})

test('an undecided payment succeeds by itself, with its webhook', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'flutterwave', secretKey: FLW_KEY, webhookUrl: merchant.url })
  await openLink(url, 'slow', { amount: '1540.08' })
  await payLink(url, 'slow')
  assert.equal((await verifyLink(url, 'slow')).body.data.status, 'pending')
  assert.equal((await payLink(url, 'slow')).status, 409)
  await until('success', async () => (await verifyLink(url, 'slow')).body.data.status === 'successful')
  await until('one webhook', () => merchant.received.length === 1)
})

test('charge.completed comes for a refusal and a success, with the hash, no token and no meta', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  const account = { channel: 'flutterwave', secretKey: FLW_KEY, webhookUrl: merchant.url }
  sandbox.setAccount({ ...account, webhookSecret: HASH })
  await openLink(url, 'hook', { meta: { order: 7 } })
  await payLink(url, 'hook', { outcome: 'failed' })
  await until('the refusal', () => merchant.received.length === 1)
  await payLink(url, 'hook')
  await until('the success', () => merchant.received.length === 2)
  assert.deepEqual(
    merchant.received.map(({ body }) => [body.event, body['event.type'], body.data.status, body.data.tx_ref]),
    [
      ['charge.completed', 'CARD_TRANSACTION', 'failed', 'hook'],
      ['charge.completed', 'CARD_TRANSACTION', 'successful', 'hook'],
    ],
  )
  for (const { body, headers } of merchant.received) {
    assert.equal(headers['verif-hash'], HASH)
    assert.equal(headers['flutterwave-signature'], undefined)
    assert.equal(body.data.card.token, undefined)
    assert.equal('meta' in body.data, false)
  }
  const verified = (await verifyLink(url, 'hook')).body.data
  assert.match(verified.card.token, /^flw-t1nf-[0-9a-f]{32}-m03k$/)
  assert.deepEqual(verified.meta, { order: 7 })
})

test('an account without a hash shows the default one, and one that wants it signs the bytes', async (t) => {
  const { url } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  const account = { channel: 'flutterwave', secret_key: FLW_KEY, webhook_url: merchant.url }
  await call('POST', `${url}/control/accounts`, account, null)
  await openLink(url, 'plain')
  await payLink(url, 'plain')
  await until('the first', () => merchant.received.length === 1)
  assert.equal(merchant.received[0]!.headers['verif-hash'], HASH_DEFAULT)
  assert.equal(merchant.received[0]!.headers['flutterwave-signature'], undefined)
  await call('POST', `${url}/control/accounts`, { ...account, webhook_secret: HASH, signs_body: true }, null)
  await openLink(url, 'signed')
  await payLink(url, 'signed')
  await until('the second', () => merchant.received.length === 2)
  const { headers, raw } = merchant.received[1]!
  assert.equal(headers['flutterwave-signature'], createHmac('sha256', HASH).update(raw).digest('base64'))
})

test('a webhook is repeated until 200, not 201; a forged copy is worth more and shows another hash', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  merchant.answers.push(500, 201, 302)
  sandbox.setAccount({ channel: 'flutterwave', secretKey: FLW_KEY, webhookUrl: merchant.url, webhookSecret: HASH })
  await openLink(url, 'again')
  await payLink(url, 'again')
  await until('four tries', () => merchant.received.length === 4)
  assert.equal(new Set(merchant.received.map(({ raw }) => raw)).size, 1)
  await call('POST', `${url}/control/faults`, { kind: 'webhook_forged', times: 1 }, null)
  await openLink(url, 'forged')
  await payLink(url, 'forged')
  const forged = await until('the copy', () => merchant.received.find(({ headers }) => headers['verif-hash'] !== HASH))
  assert.deepEqual([forged.body.data.amount, forged.body.data.tx_ref], [15_000, 'forged'])
})

test('a link is disabled once; a paid, a strange and another merchant’s link cannot be', async (t) => {
  const { url } = await sandboxFor(t)
  const open = async (txRef: string, more = {}) => (await openLink(url, txRef, more)).body.data.link as string
  const link = await open('d_1')
  assert.equal((await disableLink(url, link, 'FLWSECK_TEST-somebodyelse-X')).status, 400)
  const done = await disableLink(url, link)
  assert.deepEqual(done.body, { status: 'success', message: 'LINK DISABLED', data: true })
  const inactive = { status: 'error', message: 'This payment link is currently inactive', data: null }
  assert.deepEqual((await disableLink(url, link)).body, inactive)
  assert.deepEqual((await disableLink(url, 'https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-x')).body, inactive)
  const paid = await open('d_2')
  await payLink(url, 'd_2')
  assert.deepEqual((await disableLink(url, paid)).body, inactive)
  assert.equal((await payLink(url, 'd_2')).status, 409)
  const racing = await open('d_3', { amount: '1540.08' })
  await payLink(url, 'd_3')
  assert.equal((await disableLink(url, racing)).status, 200)
  await until('money came anyway', async () => (await verifyLink(url, 'd_3')).body.data.status === 'successful')
})

async function tokenOf(url: string, txRef: string, card: string): Promise<string> {
  await openLink(url, txRef)
  await payLink(url, txRef, { card })
  return (await verifyLink(url, txRef)).body.data.card.token
}

test('a saved card is charged with its e-mail, once per tx_ref, and by nobody else', async (t) => {
  const { url } = await sandboxFor(t)
  const token = await tokenOf(url, 'first', '5531886652142950')
  const charge = (more: Record<string, unknown>, key = FLW_KEY) => {
    const body = { token, email: 'Ada@example.com', currency: 'NGN', country: 'NG', amount: 200, ...more }
    return flwCall('POST', `${url}/flutterwave/v3/tokenized-charges`, body, key)
  }
  const paid = await charge({ tx_ref: 'renewal' })
  assert.deepEqual([paid.status, paid.body.message], [200, 'Charge successful'])
  assert.deepEqual([paid.body.data.status, paid.body.data.auth_model], ['successful', 'noauth'])
  assert.equal((await charge({ tx_ref: 'renewal' })).status, 400)
  assert.equal((await charge({ tx_ref: 'x1', email: 'eve@example.com' })).body.message, 'Wrong token or email passed')
  assert.equal((await charge({ tx_ref: 'x2' }, 'FLWSECK_TEST-somebodyelse-X')).status, 400)
  const declined = await charge({ tx_ref: 'poor', amount: 140.02 })
  assert.deepEqual([declined.status, declined.body.data.status], [200, 'failed'])
  assert.equal((await payLink(url, 'poor')).status, 404)
  const asked = await charge({ tx_ref: 'ask', amount: 140.03, redirect_url: 'https://shop.example/3ds' })
  const { status, meta } = asked.body.data
  assert.deepEqual([asked.body.message, status, meta.authorization.mode], ['Charge initiated', 'pending', 'redirect'])
  assert.equal((await call('GET', meta.authorization.redirect, undefined, null)).status, 200)
  assert.equal((await verifyLink(url, 'ask')).body.data.status, 'pending')
  const back = (await payLink(url, 'ask')).body.redirect_url
  assert.equal(back, `https://shop.example/3ds?status=successful&tx_ref=ask&transaction_id=${asked.body.data.id}`)
  assert.equal((await verifyLink(url, 'ask')).body.data.id, asked.body.data.id)
  await charge({ tx_ref: 'ask2', amount: 140.03 })
  await payLink(url, 'ask2', { outcome: 'failed' })
  assert.equal((await verifyLink(url, 'ask2')).body.data.status, 'failed')
  assert.equal((await payLink(url, 'ask2')).status, 409, 'a refused challenge is the end of the charge')
  const moved = await flwCall('PUT', `${url}/flutterwave/v3/tokens/${token}`, { email: 'new@example.com' })
  assert.equal(moved.body.data.customer_email, 'new@example.com')
  assert.equal((await charge({ tx_ref: 'x3' })).status, 400)
  assert.equal((await charge({ tx_ref: 'x4', email: 'new@example.com' })).status, 200)
})

test('each card has its nature', async (t) => {
  const { url } = await sandboxFor(t)
  const charge = async (txRef: string, card: string) => {
    const token = await tokenOf(url, `${txRef}-first`, card)
    const body = { token, email: 'ada@example.com', currency: 'NGN', amount: 200, tx_ref: txRef }
    return flwCall('POST', `${url}/flutterwave/v3/tokenized-charges`, body)
  }
  const declined = await charge('declines', '5531886652140341')
  assert.deepEqual([declined.status, declined.body.message], [400, 'Declined by the issuer'])
  assert.equal((await verifyLink(url, 'declines')).body.data.status, 'failed')
  assert.equal((await charge('challenges', '5531886652143184')).body.message, 'Charge initiated')
  await openLink(url, 'strange')
  await payLink(url, 'strange', { card: '4111 1111 1111 1111' })
  assert.equal((await verifyLink(url, 'strange')).body.data.processor_response, 'Invalid card number')
})

test('refunds end as the card says, and never exceed the payment', async (t) => {
  const { url } = await sandboxFor(t)
  const refund = async (txRef: string, body: object = {}) => {
    const { data } = (await verifyLink(url, txRef)).body
    return flwCall('POST', `${url}/flutterwave/v3/transactions/${data.id}/refund`, body)
  }
  await tokenOf(url, 'whole', '5531886652142950')
  const both = await Promise.all([refund('whole', { amount: '1000.50' }), refund('whole', { amount: 1000 })])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400])
  const rest = await refund('whole', { comments: 'AsR-1: late' })
  assert.deepEqual([rest.body.data.status, rest.body.message], ['completed', 'Transaction refund initiated'])
  assert.equal((await refund('whole')).status, 400)
  await tokenOf(url, 'fails', '5531886652141803')
  const failing = (await refund('fails')).body.data.id
  const fetched = async (id: number) => (await flwCall('GET', `${url}/flutterwave/v3/refunds/${id}`)).body.data
  await until('done', async () => (await fetched(rest.body.data.id)).status === 'completed-mpgs')
  await until('the failure', async () => (await fetched(failing)).status === 'failed')
  assert.equal((await refund('fails')).status, 200, 'a failed refund’s money can be given back again')
  const { id } = (await verifyLink(url, 'whole')).body.data
  const { data } = (await flwCall('GET', `${url}/flutterwave/v3/refunds?id=${id}`)).body
  assert.equal(data.length, 2)
  assert.equal(data[0].comment, 'AsR-1: late')
  assert.deepEqual([data[0].transaction_id, data[0].tx_id], [id, id])
  const rows = (await ledgerOf(url)).filter((row: { reference: string }) => row.reference === 'whole')
  const sum = rows.reduce(
    (total: number, row: { kind: string; amount_minor: number }) =>
      row.kind === 'refund' ? total + row.amount_minor : total,
    0,
  )
  assert.equal(sum, 150_000)
  const stranger = await flwCall('GET', `${url}/flutterwave/v3/refunds/${failing}`, undefined, 'FLWSECK_TEST-else-X')
  assert.equal(stranger.status, 400)
})

test('transfers: new, then as suffix and amount say; reference once, balance respected', async (t) => {
  const { url, sandbox } = await sandboxFor(t)
  const merchant = await merchantFor(t)
  sandbox.setAccount({ channel: 'flutterwave', secretKey: FLW_KEY, webhookUrl: merchant.url })
  const flw = `${url}/flutterwave/v3`
  const send = (reference: string, more: Record<string, unknown> = {}) => {
    const body = { account_bank: '044', account_number: '0690000031', amount: 100, currency: 'NGN', reference, ...more }
    return flwCall('POST', `${flw}/transfers`, body)
  }
  const byReference = async (reference: string) =>
    (await flwCall('GET', `${flw}/transfers?reference=${reference}`)).body.data[0]
  const sent = await send('t_1')
  assert.deepEqual([sent.body.message, sent.body.data.status], ['Transfer Queued Successfully', 'NEW'])
  assert.equal((await flwCall('GET', `${flw}/transfers/${sent.body.data.id}`)).body.data.status, 'PENDING')
  assert.match((await send('t_1')).body.message, /already exists/)
  assert.match((await send('t_2', { account_number: '0690000036' })).body.message, /blacklisted/)
  assert.match((await send('t_3', { amount: 10_000_000 })).body.message, /Insufficient/)
  assert.match((await send('t_4', { account_bank: '999' })).body.message, /bank/)
  assert.equal((await send('t_5', { currency: undefined })).status, 400)
  await send('t_6_PMCKDU_0')
  await send('t_7_PMCK_ST_FDU_0')
  await send('t_8', { amount: 140.02 })
  await send('t_9', { amount: 140.08 })
  await send('t_10_PMCK')
  await until('success', async () => (await byReference('t_6_PMCKDU_0')).status === 'SUCCESSFUL')
  await until('failure', async () => (await byReference('t_7_PMCK_ST_FDU_0')).status === 'FAILED')
  await until('magic failure', async () => (await byReference('t_8')).status === 'FAILED')
  assert.equal((await byReference('t_9')).status, 'PENDING')
  await until('magic success', async () => (await byReference('t_9')).status === 'SUCCESSFUL')
  assert.equal((await byReference('t_10_PMCK')).status, 'PENDING', 'ten minutes')
  assert.equal((await byReference('t_1')).status, 'PENDING', 'for good')
  await until('four webhooks', () => merchant.received.length === 4)
  const told = merchant.received.find(({ body }) => body.data.reference === 't_7_PMCK_ST_FDU_0')!
  assert.deepEqual([told.body.event, told.body['event.type']], ['transfer.completed', 'Transfer'])
  const failed = await byReference('t_8')
  const again = await flwCall('POST', `${flw}/transfers/${failed.id}/retries`)
  assert.equal(again.body.data.reference, 't_8_RETRY_1')
  assert.equal((await flwCall('POST', `${flw}/transfers/${sent.body.data.id}/retries`)).status, 400)
  await until('its end', async () => (await byReference('t_8_RETRY_1')).status === 'FAILED')
  const balance = (await flwCall('GET', `${flw}/balances/ngn`)).body.data
  // Three of 100 and one of 140.08 are out, each with its fee of 10.75; what failed came back.
  assert.equal(balance.available_balance, 9_999_516.92)
})

test('a bulk goes item by item; a reference used twice refuses all of it', async (t) => {
  const { url } = await sandboxFor(t)
  const flw = `${url}/flutterwave/v3`
  const item = (reference: string, more = {}) => ({
    ...{ bank_code: '044', account_number: '0690000031', amount: 100, currency: 'NGN', reference, ...more },
  })
  const bulk = (...rows: object[]) => flwCall('POST', `${flw}/bulk-transfers`, { title: 'wages', bulk_data: rows })
  assert.equal((await bulk(item('b_1'), item('b_1'))).status, 400)
  const queued = await bulk(item('b_1_PMCKDU_0'), item('b_2', { account_number: '0690000036' }))
  assert.equal(queued.body.message, 'Bulk transfer queued')
  const rows = async () => (await flwCall('GET', `${flw}/transfers?batch_id=${queued.body.data.id}`)).body.data
  await until('one went', async () => (await rows())[1].status === 'SUCCESSFUL')
  assert.match((await rows())[0].complete_message, /blacklisted/)
  assert.equal((await bulk(item('b_2'))).status, 400)
})

test('banks by country, names by account, fees by size, balances by currency', async (t) => {
  const { url } = await sandboxFor(t)
  const flw = `${url}/flutterwave/v3`
  const get = (path: string) => flwCall('GET', `${flw}/${path}`)
  assert.equal((await get('banks/NG')).body.data[0].code, '044')
  assert.equal((await get('banks/XX')).status, 400)
  const resolve = (account_number: string, account_bank: string) =>
    flwCall('POST', `${flw}/accounts/resolve`, { account_number, account_bank })
  assert.deepEqual((await resolve('0690000031', '044')).body.data, {
    account_number: '0690000031',
    account_name: 'Test Account 0031',
  })
  assert.equal((await resolve('9999000000', '044')).status, 400)
  assert.equal((await resolve('0690000031', '999')).status, 400)
  const feeOf = async (amount: number) => (await get(`transfers/fee?amount=${amount}&currency=NGN`)).body.data[0].fee
  assert.deepEqual([await feeOf(5000), await feeOf(50_000), await feeOf(50_001)], [10.75, 26.88, 53.75])
  assert.equal((await get('balances/XOF')).body.data.available_balance, 10_000_000)
  assert.equal((await get('balances')).body.data.length, 13)
})

test('faults strike by operation: drop_after opens the page, drop_before does not, 503 is in the envelope', async (t) => {
  const { url } = await sandboxFor(t)
  const fault = (body: object) => call('POST', `${url}/control/faults`, { ...body, times: 1 }, null)
  await fault({ kind: 'drop_after', channel: 'flutterwave', operation: 'open' })
  await assert.rejects(openLink(url, 'f_1'), TypeError)
  assert.equal((await payLink(url, 'f_1')).status, 200)
  await fault({ kind: 'drop_before', channel: 'flutterwave', operation: 'open' })
  await assert.rejects(openLink(url, 'f_2'), TypeError)
  assert.equal((await payLink(url, 'f_2')).status, 404)
  await fault({ kind: 'status', channel: 'flutterwave', operation: 'void' })
  const busy = await disableLink(url, (await openLink(url, 'f_3')).body.data.link)
  assert.deepEqual([busy.status, busy.body.status, busy.body.data], [503, 'error', null])
})

test('everything acknowledged survives a kill, and what was under way ends', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const before = await sandboxFor(t, { dataFile: join(folder, 'a.jsonl') })
  await openLink(before.url, 'open')
  await openLink(before.url, 'gone')
  const gone = (await openLink(before.url, 'disabled')).body.data.link as string
  await disableLink(before.url, gone)
  const token = await tokenOf(before.url, 'paid', '5531886652142950')
  const { id } = (await verifyLink(before.url, 'paid')).body.data
  const refund = (await flwCall('POST', `${before.url}/flutterwave/v3/transactions/${id}/refund`)).body.data.id
  await openLink(before.url, 'slow', { amount: '1540.08' })
  await payLink(before.url, 'slow')
  const ledger = await ledgerOf(before.url)
  // The file as a kill would leave it: the first process has closed nothing.
  copyFileSync(join(folder, 'a.jsonl'), join(folder, 'b.jsonl'))
  const { url } = await sandboxFor(t, { dataFile: join(folder, 'b.jsonl') })
  assert.deepEqual(await ledgerOf(url), ledger)
  assert.equal((await payLink(url, 'open')).status, 200)
  assert.equal((await payLink(url, 'disabled')).status, 409)
  const body = { token, email: 'ada@example.com', currency: 'NGN', amount: 200, tx_ref: 'renewal' }
  assert.equal((await flwCall('POST', `${url}/flutterwave/v3/tokenized-charges`, body)).status, 200)
  // Nobody asks for them: a reader would settle what is due by itself.
  const isDone = async (kind: string, reference: string) =>
    (await ledgerOf(url)).some((row: Record<string, unknown>) => {
      return row.kind === kind && row.reference === reference && row.status === 'success'
    })
  await until('the refund', () => isDone('refund', 'paid'))
  await until('the payment', () => isDone('charge', 'slow'))
  const refundPath = `${url}/flutterwave/v3/refunds/${refund}`
  assert.equal((await flwCall('GET', refundPath)).body.data.status, 'completed-mpgs')
  const { status } = await call('DELETE', `${url}/control`, undefined, null)
  assert.equal(status, 204)
  assert.equal((await payLink(url, 'gone')).status, 404, 'open pages are forgotten')
  assert.equal((await verifyLink(url, 'paid')).status, 200, 'what was paid is not')
})
