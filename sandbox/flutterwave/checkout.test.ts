import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, call, sandboxFor } from '../testing.ts'
import { disableLink, openLink, payLink, verifyLink } from './testing.ts'

async function press(page: string, form: Record<string, string>): Promise<Answer> {
  const body = new URLSearchParams(form)
  const response = await fetch(page, { method: 'POST', body, redirect: 'manual', headers: { connection: 'close' } })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

const show = (page: string) => call('GET', page, undefined, null)

test('pay sends the browser back with status, tx_ref and transaction_id after its own query', async (t) => {
  const { url } = await sandboxFor(t)
  const opened = await openLink(url, 'web_1', { customizations: { title: 'Corner shop' } })
  const page = opened.body.data.link
  assert.match(page, /\/sandbox\/flutterwave\/v3\/hosted\/pay\/flwlnk-[0-9a-z]{26}$/)
  const shown = await show(page)
  assert.match(shown.body, /Flutterwave<\/p><p class="test">TEST MODE/)
  assert.match(shown.body, /NGN 1,500\.00/)
  assert.match(shown.body, /Corner shop/)
  assert.doesNotMatch(shown.body, /(?:src|href)="https?:/)
  const paid = await press(page, { action: 'pay', card: '5531886652142950' })
  assert.equal(paid.status, 303)
  const { data } = (await verifyLink(url, 'web_1')).body
  assert.equal(data.status, 'successful')
  const expected = `https://shop.example/back?cart=9&status=successful&tx_ref=web_1&transaction_id=${data.id}`
  assert.equal(paid.headers.get('location'), expected)
  assert.match((await show(page)).body, /This payment is done/)
  assert.equal((await press(page, { action: 'pay' })).status, 200, 'a second press pays nothing')
})

test('a refused attempt stays on the page, is a transaction, and can be tried again', async (t) => {
  const { url } = await sandboxFor(t)
  const page = (await openLink(url, 'web_2')).body.data.link
  const declined = await press(page, { action: 'decline', card: '5531886652142950' })
  assert.equal(declined.status, 200)
  assert.match(declined.body, /role="alert">Declined/)
  const poor = await press(page, { action: 'pay', card: '5258585922666506' })
  assert.match(poor.body, /Insufficient Funds/)
  assert.equal((await verifyLink(url, 'web_2')).body.data.status, 'failed')
  assert.match((await show(page)).body, /Insufficient Funds/)
  assert.equal((await press(page, { action: 'pay', card: '5531886652142950' })).status, 303)
  assert.equal((await verifyLink(url, 'web_2')).body.data.status, 'successful')
})

test('cancel goes back with status cancelled and no transaction, and leaves the link payable', async (t) => {
  const { url } = await sandboxFor(t)
  const page = (await openLink(url, 'web_3')).body.data.link
  const cancelled = await press(page, { action: 'cancel' })
  assert.equal(cancelled.headers.get('location'), 'https://shop.example/back?cart=9&status=cancelled&tx_ref=web_3')
  assert.equal((await verifyLink(url, 'web_3')).status, 400)
  assert.equal((await press(page, { action: 'pay' })).status, 303)
})

test('a disabled link says that it is inactive and takes no money, on the page and by control', async (t) => {
  const { url } = await sandboxFor(t)
  const page = (await openLink(url, 'web_4')).body.data.link
  assert.equal((await disableLink(url, page)).status, 200)
  const shown = await show(page)
  assert.equal(shown.status, 410)
  assert.match(shown.body, /currently inactive/)
  assert.equal((await press(page, { action: 'pay' })).status, 410)
  const paid = await payLink(url, 'web_4')
  assert.equal(paid.status, 409)
  assert.match(paid.body.error, /disabled or expired/)
  assert.equal((await verifyLink(url, 'web_4')).status, 400)
})

test('the tries that the merchant allows run out, and send the browser back as failed', async (t) => {
  const { url } = await sandboxFor(t)
  const page = (await openLink(url, 'web_5', { configurations: { max_retry_attempt: 2 } })).body.data.link
  assert.equal((await press(page, { action: 'decline' })).status, 200)
  const last = await press(page, { action: 'decline' })
  assert.match(last.headers.get('location') ?? '', /status=failed&tx_ref=web_5&transaction_id=\d+$/)
  assert.equal((await press(page, { action: 'pay' })).status, 410)
  assert.equal((await payLink(url, 'web_5')).status, 409)
})

test('what a merchant puts into a payment is text on the page, and never a script in a link', async (t) => {
  const { url } = await sandboxFor(t)
  const email = '"><script>x</script>@e.co'
  const opened = await openLink(url, 'web_6', { customer: { email }, redirect_url: 'javascript:alert(1)' })
  const page = opened.body.data.link
  assert.doesNotMatch((await show(page)).body, /<script/)
  const paid = await press(page, { action: 'pay' })
  assert.equal(paid.status, 200)
  assert.doesNotMatch(paid.body, /javascript:/)
})

test('404 a page for a link that nobody made', async (t) => {
  const { url } = await sandboxFor(t)
  const answer = await show(`${url}/flutterwave/v3/hosted/pay/flwlnk-nothing`)
  assert.equal(answer.status, 404)
  assert.match(answer.body, /No such payment/)
})
