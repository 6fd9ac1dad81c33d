import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, call } from '../testing.ts'
import { benchFor, pageParams } from './testing.ts'

async function press(page: string, form: Record<string, string>): Promise<Answer> {
  const body = new URLSearchParams(form)
  const response = await fetch(page, { method: 'POST', body, redirect: 'manual', headers: { connection: 'close' } })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('pay sends the browser to success_url with the session’s id where the braces stood', async (t) => {
  const { client } = await benchFor(t)
  const { id, url: page } = await client.checkout.sessions.create(
    pageParams('p-1', { success_url: 'https://shop.example/b?a={CHECKOUT_SESSION_ID}#{CHECKOUT_SESSION_ID}' }),
  )
  const shown = await call('GET', page!, undefined, null)
  for (const words of [
    /TEST MODE/,
    /USD 50\.00/,
    /ada@example\.com/,
    /<input type="radio" name="card"/,
    /shop\.example/,
  ]) {
    assert.match(shown.body, words)
  }
  assert.doesNotMatch(shown.body, /(?:src|href)="https?:/)
  const paid = await press(page!, { action: 'pay', card: '4242424242424242' })
  assert.deepEqual([paid.status, paid.headers.get('location')], [303, `https://shop.example/b?a=${id}#${id}`])
  assert.match((await call('GET', page!, undefined, null)).body, /This payment is done/)
  assert.equal((await press(page!, { action: 'pay' })).status, 200, 'a second press pays nothing')
})

test('a refusal stays on the page and can be tried again', async (t) => {
  const { client } = await benchFor(t)
  const { url: page, id } = await client.checkout.sessions.create(pageParams('p-2'))
  const declined = await press(page!, { action: 'decline', card: '4242424242424242' })
  assert.equal(declined.status, 200)
  assert.match(declined.body, /role="alert">Your card was declined\. You can try again/)
  assert.match((await press(page!, { action: 'pay', card: '4000000000009995' })).body, /insufficient funds/)
  assert.equal((await press(page!, { action: 'pay', card: '4242424242424242' })).status, 303)
  assert.equal((await client.checkout.sessions.retrieve(id)).payment_status, 'paid')
})

test('cancel goes back and does not end the page', async (t) => {
  const { client } = await benchFor(t)
  const { url: page, id } = await client.checkout.sessions.create(pageParams('p-3'))
  const back = await press(page!, { action: 'cancel' })
  assert.deepEqual([back.status, back.headers.get('location')], [303, 'https://shop.example/cancel'])
  assert.equal((await client.checkout.sessions.retrieve(id)).status, 'open')
  assert.equal((await press(page!, { action: 'pay' })).status, 303)
})

test('an expired page says so and takes nothing', async (t) => {
  const { client } = await benchFor(t)
  const { url: page, id } = await client.checkout.sessions.create(pageParams('p-4'))
  await client.checkout.sessions.expire(id)
  for (const answer of [await call('GET', page!, undefined, null), await press(page!, { action: 'pay' })]) {
    assert.match(answer.body, /expired/i)
  }
  assert.equal((await client.checkout.sessions.retrieve(id)).payment_status, 'unpaid')
})

test('404 a page for a link that nobody made; what a merchant writes is text on it', async (t) => {
  const { client, url } = await benchFor(t)
  const none = await call('GET', `${url}/stripe/c/pay/cs_test_nothing`, undefined, null)
  assert.equal(none.status, 404)
  assert.match(none.body, /No such payment/)
  const { url: page } = await client.checkout.sessions.create(pageParams('"><script>x</script>'))
  assert.doesNotMatch((await call('GET', page!, undefined, null)).body, /<script/)
})
