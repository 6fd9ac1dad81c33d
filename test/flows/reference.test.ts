import assert from 'node:assert/strict'
import { get } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { stopOwnPostgres } from '../support/postgres.ts'
import { type Body, startTestServer, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

const compressedMaxBytes = 1_000_000

interface Got {
  status: number
  headers: Record<string, unknown>
  body: Buffer
}

describe('the API reference at /docs', () => {
  let server: TestServer
  let page: string
  let document: Body
  before(async () => {
    server = await startTestServer({ role: 'api' })
    page = (await load()).body.toString()
    document = (await server.call('GET', '/openapi.json')).body
  })
  after(() => server?.close())

  /** As it lies on the wire: `fetch` would unpack it. */
  const load = (headers: Record<string, string> = {}, path = '/docs') =>
    new Promise<Got>((resolve, reject) => {
      get(server.url + path, { headers }, (response) => {
        const parts: Buffer[] = []
        response
          .on('data', (part: Buffer) => parts.push(part))
          .on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
          )
      }).on('error', reject)
    })

  test('weighs less than 1 MB compressed, is kept by browsers, and costs nothing when it did not change', async (context) => {
    for (const encoding of ['br', 'gzip']) {
      const { status, headers, body } = await load({ 'accept-encoding': encoding })
      assert.deepEqual([status, headers['content-encoding']], [200, encoding])
      assert.match(String(headers['cache-control']), /max-age=[1-9]/)
      assert.ok(body.byteLength < compressedMaxBytes, `${body.byteLength} bytes`)
      context.diagnostic(`${encoding}: ${body.byteLength} bytes of ${page.length}`)
      const again = await load({ 'accept-encoding': encoding, 'if-none-match': String(headers.etag) })
      assert.deepEqual([again.status, again.body.byteLength], [304, 0])
    }
  })

  test('asks no other host and runs no script', async () => {
    const { headers } = await load()
    assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    assert.doesNotMatch(page, /<script|<link(?! rel="icon" href="data:,")|@import|url\(|src=/i)
    const links = [...page.matchAll(/href="([^"]+)"/g)].map((match) => String(match[1]))
    assert.deepEqual(
      links.filter((link) => !/^(#|\/openapi\.json$|data:,$)/.test(link)),
      [],
    )
  })

  test('opens on the first payment', () => {
    const first = page.indexOf('<h1>')
    assert.ok(page.slice(first).startsWith('<h1>Your first payment</h1>'))
    assert.match(page, new RegExp(`curl -s ${server.url}/v1/payment-requests`))
  })

  test('has every operation with every failure, every event and every shape; each link leads somewhere', () => {
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]))
    const operations = Object.values<Body>(document.paths).flatMap((methods) => Object.values<Body>(methods))
    for (const { operationId } of operations) assert.ok(ids.has(operationId), operationId)
    for (const type of Object.keys(document.webhooks)) assert.ok(ids.has(`event-${type}`), type)
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1])
    assert.deepEqual([...new Set(links.filter((link) => !ids.has(link)))], [])
    assert.match(page, /PAYER_ACTION_REQUIRED/)
  })

  test('names no vendor', () => {
    assert.doesNotMatch(page, /scalar|swagger|redoc|stoplight|powered by/i)
  })
})
