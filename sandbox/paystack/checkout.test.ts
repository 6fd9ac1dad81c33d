import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, call, openCheckout, sandboxFor, verify } from '../testing.ts'

async function press(page: string, form: Record<string, string>): Promise<Answer> {
  const body = new URLSearchParams(form)
  const response = await fetch(page, { method: 'POST', body, redirect: 'manual', headers: { connection: 'close' } })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('pay sends the browser back with both names of the reference after its own query', async (t) => {
  const { url } = await sandboxFor(t)
  const opened = await openCheckout(url, 'web-1', { callback_url: 'https://shop.example/back?cart=9' })
  const page = opened.body.data.authorization_url
  assert.ok(page.startsWith(`${url}/paystack/checkout/`))
  const shown = await call('GET', page, undefined, null)
  assert.match(shown.body, /TEST MODE/)
  assert.match(shown.body, /NGN 1,500\.00/)
  assert.match(shown.body, /<input type="radio" name="card"/)
  assert.doesNotMatch(shown.body, /(?:src|href)="https?:/)
  assert.doesNotMatch(shown.headers.get('content-security-policy') ?? '', /form-action/)
  const paid = await press(page, { action: 'pay', card: '4084084084084081' })
  assert.equal(paid.status, 303)
  assert.equal(paid.headers.get('location'), 'https://shop.example/back?cart=9&trxref=web-1&reference=web-1')
  assert.equal((await verify(url, 'web-1')).body.data.status, 'success')
  assert.match((await call('GET', page, undefined, null)).body, /This payment is done/)
  assert.equal((await press(page, { action: 'pay' })).status, 200)
})

test('a refusal stays on the page and can be tried again', async (t) => {
  const { url } = await sandboxFor(t)
  const page = (await openCheckout(url, 'web-2')).body.data.authorization_url
  const declined = await press(page, { action: 'decline', card: '4084084084084081' })
  assert.equal(declined.status, 200)
  assert.match(declined.body, /role="alert">Declined/)
  const poor = await press(page, { action: 'pay', card: '4084080000670037' })
  assert.match(poor.body, /Insufficient Funds/)
  const paid = await press(page, { action: 'pay', card: '4084084084084081' })
  assert.equal(paid.status, 200, 'no callback: the page itself says that it is done')
  assert.match(paid.body, /This payment is done/)
})

test('cancel goes to cancel_action, else to the callback, and leaves the link payable', async (t) => {
  const { url } = await sandboxFor(t)
  const own = await openCheckout(url, 'web-3', {
    metadata: JSON.stringify({ cancel_action: 'https://shop.example/no' }),
  })
  const cancelled = await press(own.body.data.authorization_url, { action: 'cancel' })
  assert.deepEqual([cancelled.status, cancelled.headers.get('location')], [303, 'https://shop.example/no'])
  assert.equal((await verify(url, 'web-3')).body.data.status, 'abandoned')
  const other = await openCheckout(url, 'web-4', { callback_url: 'https://shop.example/back' })
  const back = await press(other.body.data.authorization_url, { action: 'cancel' })
  assert.equal(back.headers.get('location'), 'https://shop.example/back?trxref=web-4&reference=web-4')
})

test('what a merchant puts into a payment is text on the page', async (t) => {
  const { url } = await sandboxFor(t)
  const email = '"><script>x</script>@e.co'
  const opened = await openCheckout(url, 'web-5', { email, callback_url: 'javascript:alert(1)' })
  const page = opened.body.data.authorization_url
  assert.doesNotMatch((await call('GET', page, undefined, null)).body, /<script/)
  const paid = await press(page, { action: 'pay' })
  assert.equal(paid.status, 200)
  assert.doesNotMatch(paid.body, /javascript:/)
})

test('404 a page for a link that nobody made', async (t) => {
  const { url } = await sandboxFor(t)
  const answer = await call('GET', `${url}/paystack/checkout/nothing`, undefined, null)
  assert.equal(answer.status, 404)
  assert.match(answer.body, /No such payment/)
})
