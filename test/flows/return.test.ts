import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newId } from '../../src/platform/ids.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import {
  type Answer,
  attemptRef,
  type Body,
  call,
  payAtSandbox,
  requestRef,
  startTestServer,
  type TestBusiness,
  type TestServer,
} from '../support/server.ts'

/** Looks that the page takes by itself before it leaves them to the payer. */
const looksMax = 30

describe('the payer comes back', () => {
  let server: TestServer
  before(async () => {
    // Without a worker: what is known is known because the return asked.
    server = await startTestServer({ backend: 'postgres', role: 'api' })
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  async function open(business: TestBusiness, more: object = {}): Promise<Answer> {
    const created = await business.api('POST', '/v1/payment-requests', {
      customer_email: 'ada@example.com',
      amount: 500,
      ...more,
    })
    assert.equal(created.status, 201, created.text)
    return created
  }
  const attemptId = (created: Answer): string => created.body.data.payment_request.last_transaction.uuid
  const comeBack = (created: Answer, query = '') => {
    // Within 3 s of the last time the channel would not be asked again.
    server.clock.advance(3_001)
    return call(server.url, 'GET', `/return/${attemptId(created)}${query}`)
  }
  const pay = (created: Answer, outcome: 'success' | 'failed' = 'success') =>
    payAtSandbox(server.url, attemptRef(created), outcome)
  const retrieve = async (business: TestBusiness, created: Answer): Promise<Body> =>
    (await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${requestRef(created)}`)).body.data.payment_request

  const targetOf = (answer: Answer): URL => {
    assert.equal(answer.status, 303, answer.text)
    assert.equal(answer.text, '')
    return new URL(answer.headers.get('location') ?? '')
  }

  /** A page of ours: HTML, not kept, not framed, no script, nothing from elsewhere. */
  function expectPage(answer: Answer, status: number, title: string): void {
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html; charset=utf-8/)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    const [, nonce] = /<style nonce="([^"]{16,})">/.exec(answer.text) ?? []
    assert.equal(
      answer.headers.get('content-security-policy'),
      `default-src 'none'; style-src 'nonce-${nonce}'; frame-ancestors 'none'; base-uri 'none'`,
    )
    assert.ok(!/<script|\son\w+=|javascript:/i.test(answer.text), 'a page without script')
    assert.ok(!/<(img|link|iframe)|src=|@import|url\(/i.test(answer.text), 'nothing from elsewhere')
    assert.match(answer.text, new RegExp(`<h1>${title}</h1>`))
  }

  test('303 paid: to success_redirect_url, its own query kept and the reference added; the payment is counted', async () => {
    const business = await server.business()
    const created = await open(business, {
      success_redirect_url: 'https://shop.example/done?order=7&tag=a%26b#top',
      failure_redirect_url: 'https://shop.example/failed',
    })
    await pay(created)
    for (const query of ['', '?cancelled=1', '?trxref=x&reference=x&status=failed']) {
      const target = targetOf(await comeBack(created, query))
      assert.equal(target.origin + target.pathname + target.hash, 'https://shop.example/done#top')
      assert.deepEqual(Object.fromEntries(target.searchParams), {
        order: '7',
        tag: 'a&b',
        reference: attemptRef(created),
        trxref: attemptRef(created),
        payment_request_ref: requestRef(created),
        status: 'successful',
      })
    }
    assert.equal((await retrieve(business, created)).status, 'successful')
  })

  test("303 the shop's own query stays byte for byte; a name that is the shop's is not ours", async () => {
    const query = "reference=order%207&status=&status=new&q=a%20b+c&tpl={ORDER}&e&sig=%7eA'*"
    const paths = ['/done', '/no', '/home'].map((path) => `https://shop.example${path}?${query}`)
    const [done = '', no = '', home = ''] = paths
    const added = (created: Answer, status: string) => {
      const reference = attemptRef(created)
      return (
        `&asyncpay_reference=${reference}&trxref=${reference}` +
        `&payment_request_ref=${requestRef(created)}&asyncpay_status=${status}`
      )
    }
    const business = await server.business()
    const urls = { success_redirect_url: `${done}#top`, cancel_redirect_url: `${no}#/cart?x=1` }
    const paid = await open(business, urls)
    await pay(paid)
    const shown = await comeBack(paid, '?trxref=x&reference=x&status=cancelled')
    assert.equal(shown.headers.get('location'), `${done}${added(paid, 'successful')}#top`)
    const declined = await open(business, urls)
    await pay(declined, 'failed')
    const refused = await comeBack(declined)
    assert.equal(refused.headers.get('location'), `${no}${added(declined, 'open')}#/cart?x=1`)
    await business.api('PUT', '/v1/business', { default_redirect_url: home })
    const homeless = await open(business)
    await pay(homeless)
    assert.equal((await comeBack(homeless)).headers.get('location'), home + added(homeless, 'successful'))
    const { cancel_redirect_url } = (await retrieve(business, declined)) as Body
    assert.equal(cancel_redirect_url, urls.cancel_redirect_url)
  })

  test('303 whatever a provider, or a browser, adds to our address: repeated, glued on, or a name of ours', async () => {
    const business = await server.business()
    const created = await open(business, { success_redirect_url: 'https://shop.example/done' })
    await pay(created)
    for (const query of [
      '?cancelled=1&cancelled=2',
      '?look=1&look=2',
      '?look=x',
      '?look=1?trxref=x',
      '?via=x&via=y',
      '?status=a&status=b&reference[]=1',
      '?trxref=x?reference=y',
    ]) {
      assert.equal(targetOf(await comeBack(created, query)).pathname, '/done', query)
    }
    for (const query of ['?via=page?trxref=x&reference=x', '?via=page&via=page', '?via=page&trxref=x']) {
      assert.match(targetOf(await comeBack(created, query)).pathname, /^\/checkout\/[\w-]{43}$/, query)
    }
  })

  test('303 declined, or given up: to failure_redirect_url', async () => {
    const business = await server.business()
    const urls = {
      success_redirect_url: 'https://shop.example/done',
      failure_redirect_url: 'https://shop.example/no?x=1',
    }
    const declined = await open(business, urls)
    await pay(declined, 'failed')
    const cancelled = await open(business, urls)
    const ended = await open(business, urls)
    await business.api('PATCH', `/v1/payment-requests/${requestRef(ended)}/cancel`)
    for (const [created, query, status] of [
      [declined, '', 'open'],
      [cancelled, '?cancelled=1', 'open'],
      [ended, '', 'cancelled'],
    ] as const) {
      const target = targetOf(await comeBack(created, query))
      assert.equal(target.origin + target.pathname, 'https://shop.example/no')
      assert.equal(target.searchParams.get('x'), '1')
      assert.equal(target.searchParams.get('reference'), attemptRef(created))
      assert.equal(target.searchParams.get('status'), status)
    }
    // Giving up is the browser's word: the page may still be paid.
    assert.equal((await retrieve(business, cancelled)).last_transaction.status, 'pending')
    await pay(cancelled)
    assert.equal(targetOf(await comeBack(cancelled)).pathname, '/done')
  })

  test("303 without an address of its own: to the business's default_redirect_url, paid or not", async () => {
    const business = await server.business()
    await business.api('PUT', '/v1/business', { default_redirect_url: 'https://shop.example/home?lang=yo' })
    const paid = await open(business)
    await pay(paid)
    const declined = await open(business)
    await pay(declined, 'failed')
    for (const [created, status] of [
      [paid, 'successful'],
      [declined, 'open'],
    ] as const) {
      const target = targetOf(await comeBack(created))
      assert.equal(target.pathname, '/home')
      assert.equal(target.searchParams.get('lang'), 'yo')
      assert.equal(target.searchParams.get('status'), status)
    }
  })

  test('200 without any address: a receipt, or a page that leads back to where it can be paid', async () => {
    const business = await server.business()
    const paid = await open(business, { amount: '1234.50' })
    await pay(paid)
    const receipt = await comeBack(paid)
    expectPage(receipt, 200, 'Payment received')
    assert.ok(receipt.text.includes('NGN 1234.50 was paid'), receipt.text)
    assert.ok(receipt.text.includes(requestRef(paid)))
    assert.ok(!/http-equiv="refresh"|<a /.test(receipt.text))

    const declined = await open(business)
    await pay(declined, 'failed')
    const page = await comeBack(declined)
    expectPage(page, 200, 'Payment not completed')
    assert.match(page.text, /<a href="http[^"]+\/sandbox\/paystack\/checkout\/[^"]+">Try again<\/a>/)
    await business.api('PATCH', `/v1/payment-requests/${requestRef(declined)}/cancel`)
    const over = await comeBack(declined)
    expectPage(over, 200, 'Payment not completed')
    assert.ok(!/<a /.test(over.text), 'a cancelled request leads nowhere')
  })

  test('200 undecided: the page looks again by itself, at most as often as its bound, then leaves it to the payer', async () => {
    const business = await server.business()
    const created = await open(business, { success_redirect_url: 'https://shop.example/done' })
    let query = ''
    for (let look = 1; look <= looksMax; look += 1) {
      const page = await comeBack(created, query)
      expectPage(page, 200, 'Confirming your payment')
      const [, next] = /<meta http-equiv="refresh" content="2;url=([^"]+)">/.exec(page.text) ?? []
      assert.equal(next, `/return/${attemptId(created)}?look=${look}`)
      query = new URL(next ?? '', server.url).search
    }
    const last = await comeBack(created, query)
    expectPage(last, 200, 'Confirming your payment')
    assert.ok(!/http-equiv="refresh"/.test(last.text), 'it stops by itself')
    assert.match(last.text, new RegExp(`<a href="/return/${attemptId(created)}\\?look=${looksMax + 1}">Look again</a>`))
    await pay(created)
    assert.equal(targetOf(await comeBack(created, `?look=${looksMax + 1}`)).pathname, '/done')
  })

  test('200 a provider that does not answer is undecided, not failed', async () => {
    const business = await server.business()
    const created = await open(business, { failure_redirect_url: 'https://shop.example/no' })
    const fault = { channel: 'paystack', operation: 'verify', kind: 'drop_before', times: 1 }
    await call(server.url, 'POST', '/sandbox/control/faults', fault)
    expectPage(await comeBack(created), 200, 'Confirming your payment')
    assert.equal((await retrieve(business, created)).last_transaction.status, 'pending')
  })

  test('a browser that claims success proves nothing', async () => {
    const business = await server.business()
    const created = await open(business, { success_redirect_url: 'https://shop.example/done' })
    const before = await retrieve(business, created)
    for (const query of [
      '?status=success&trxref=x&reference=x',
      '?status=successful&transaction_id=1&tx_ref=x',
      '?session_id=cs_test_1&paid=1&success=true',
    ]) {
      expectPage(await comeBack(created, query), 200, 'Confirming your payment')
    }
    assert.deepEqual(await retrieve(business, created), before)
  })

  test('404 an id that nobody has is told so on a page, and nothing of the address is shown', async () => {
    for (const id of [newId(), 'x', '%3Cscript%3Ealert(1)%3C%2Fscript%3E', "1' or '1'='1"]) {
      const answer = await call(server.url, 'GET', `/return/${encodeURIComponent(id)}`)
      expectPage(answer, 404, 'Nothing here')
      assert.ok(!answer.text.includes('alert'))
    }
    const business = await server.business()
    const created = await open(business)
    // The request's own uuid is not the attempt's.
    const requestId = created.body.data.payment_request.uuid.replace('eric-', '')
    expectPage(await call(server.url, 'GET', `/return/${requestId}`), 404, 'Nothing here')
  })

  test("what a provider put into its page's address stays text in ours", async () => {
    const business = await server.business()
    const created = await open(business)
    const hostile = "https://pay.example/\"><script>alert(1)</script>?a=1&b='2'"
    await server.ctx.db
      .updateTable('transactions')
      .set({ checkout_url: hostile })
      .where('id', '=', attemptId(created))
      .execute()
    const page = await comeBack(created, '?cancelled=1')
    expectPage(page, 200, 'Payment not completed')
    const [, href = ''] = /<a href="([^"]*)">Try again/.exec(page.text) ?? []
    assert.ok(!/[<>'"]/.test(href))
    assert.equal(
      href.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
      hostile,
    )
  })
})
