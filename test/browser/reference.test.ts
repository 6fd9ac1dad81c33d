import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { expectAccessible, inBrowser, openBrowser } from '../support/browser.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

after(stopOwnPostgres)

describe('the API reference in a browser', inBrowser, () => {
  let server: TestServer
  let browser: Browser
  before(async () => {
    server = await startTestServer({ role: 'api' })
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  for (const width of [360, 1280]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`${width} px, ${colorScheme}: one request, accessible, opens on the first payment, no sideways scrolling`, async () => {
        const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
        const page = await context.newPage()
        const asked: string[] = []
        page.on('request', (request) => asked.push(request.url()))
        await page.goto(`${server.url}/docs`)
        assert.deepEqual(
          asked.filter((url) => !url.startsWith('data:')),
          [`${server.url}/docs`],
        )
        const title = page.getByRole('heading', { level: 1, name: 'Your first payment' })
        assert.ok((await title.boundingBox())!.y < 800)
        assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width)
        await page.locator('details').evaluateAll('(all) => all.forEach((one) => { one.open = true })' as never)
        await expectAccessible(page, `the reference at ${width} px`)
        await context.close()
      })
    }
  }
})
