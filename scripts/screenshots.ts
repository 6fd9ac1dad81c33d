import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { inContext, laptop, phone, schemes } from '../test/support/browser.ts'
import { stopOwnPostgres } from '../test/support/postgres.ts'
import { call } from '../test/support/server.ts'
import { openShop, type Shop } from '../test/support/shop.ts'

/**
 * `node scripts/screenshots.ts`, by hand after a change of look: the pages that buyers and newcomers see, at both widths
 * and in both schemes, into docs/images/<page>-<width>-<scheme>.png.
 */

const folder = join(import.meta.dirname, '../docs/images')
/** Whoever clones the project loads them all. */
const bytesMax = 150 * 1024

/** Page → how it is reached. */
const pages: Record<string, (shop: Shop, page: Page) => Promise<void>> = {
  async checkout(shop, page) {
    await page.goto((await shop.initialize()).checkout_url)
    await page.locator('.way').first().waitFor()
  },
  async receipt(shop, page) {
    const { checkout_url } = await shop.initialize()
    await page.goto(checkout_url)
    await page.getByRole('button', { name: /^Paystack/ }).click()
    await page.getByRole('button', { name: /^Pay [A-Z]{3} / }).click()
    await page.waitForURL(`${checkout_url}/success`)
  },
  async share(shop, page) {
    await page.goto(`${shop.server.url}/pay/${(await shop.initialize()).ref}`)
  },
  async provider(shop, page) {
    await page.goto((await shop.initialize()).checkout_url)
    await page.getByRole('button', { name: /^Paystack/ }).click()
    await page.waitForURL(/\/sandbox\//)
  },
  async sandbox(shop, page) {
    const { checkout_url } = await shop.initialize()
    const body = { payment_channel: 'stripe' }
    await call(shop.server.url, 'POST', `${new URL(checkout_url).pathname}/relay`, body)
    await page.goto(`${shop.server.url}/sandbox`)
  },
}

const wanted = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
// An address without a port is what a reader expects to see.
const shop = await openShop({ onPort80: true })
try {
  for (const [name, reach] of Object.entries(pages)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    for (const viewport of [phone, laptop]) {
      for (const colorScheme of schemes) {
        const path = join(folder, `${name}-${viewport.width}-${colorScheme}.png`)
        // A phone's pixels are small; at its own two or three each image would weigh twice as much.
        const deviceScaleFactor = viewport === phone ? 1.5 : 1
        await inContext(
          shop.browser,
          { viewport, colorScheme, deviceScaleFactor, reducedMotion: 'reduce' },
          async (page) => {
            await reach(shop, page)
            await page.screenshot({ path })
          },
        )
        const { size } = statSync(path)
        if (size > bytesMax) throw new Error(`${path} has ${size} bytes`)
      }
    }
  }
} finally {
  await shop.close()
  await stopOwnPostgres()
}
process.exit(0)
