import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Frame,
  type Locator,
  type Page,
  type Request,
} from 'playwright-core'

/**
 * The machine's own Chromium, driven as a person would drive it. Where there is none browser tests skip and say so;
 * with `CI` set a missing one is a failure.
 */

/** Where systems put it. `CHROMIUM_PATH` comes first, and is believed: a wrong one fails. */
const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const chromiumPath = process.env.CHROMIUM_PATH || places.find((place) => existsSync(place))
if (!chromiumPath && process.env.CI) throw new Error('no Chromium is installed, and in CI browser tests must run')

/** Options of a `describe` that needs a browser. */
export const inBrowser = chromiumPath ? {} : { skip: 'no Chromium found; install one or set CHROMIUM_PATH' }

/** Nothing that the tests do not ask for: no updates, no background calls, no QUIC past the recorder. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A browser with a fresh profile, without a window; whoever opens it closes it. */
export async function openBrowser(moreFlags: readonly string[] = []): Promise<Browser> {
  if (!chromiumPath) throw new Error('no Chromium found')
  return await chromium.launch({ executablePath: chromiumPath, args: [...flags, ...moreFlags] })
}

/** The two widths that pages are made for: a small phone and a laptop. */
export const phone = { width: 360, height: 740 } as const
export const laptop = { width: 1280, height: 800 } as const
export const schemes = ['light', 'dark'] as const

/** A profile of its own for the length of `work`: cookies, storage and pages are gone with it. */
export async function inContext<T>(
  browser: Browser,
  options: BrowserContextOptions,
  work: (page: Page, context: BrowserContext) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({ viewport: phone, ...options })
  // Shorter than the runner's own bound, so that what was waited for is named.
  context.setDefaultTimeout(10_000)
  try {
    return await work(await context.newPage(), context)
  } finally {
    await context.close()
  }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** WCAG 2.2 AA is all of these together; best practices are what axe knows beyond it. */
const axeTags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

interface AxeFinding {
  id: string
  help: string
  nodes: { target: string[]; failureSummary?: string }[]
}

/** Asserts that axe-core finds nothing to object to on the page as it stands now. */
export async function expectAccessible(page: Page | Frame, what: string): Promise<void> {
  const options = JSON.stringify({ runOnly: { type: 'tag', values: axeTags }, resultTypes: ['violations'] })
  await page.evaluate(axeSource)
  const found = (await page.evaluate(`axe.run(document, ${options})`)) as {
    violations: AxeFinding[]
    passes: unknown[]
  }
  const told = found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map(({ target, failureSummary }) => `  ${target.join(' ')} ${failureSummary}`).join('\n')}`,
  )
  assert.deepEqual(told, [], `${what}\n${told.join('\n')}`)
  assert.ok(found.passes.length > 0, `${what}: axe looked at nothing`)
}

/** Asserts that nothing hangs out at the side: a page that scrolls sideways is broken on a phone. */
export async function expectFits(page: Page, what: string): Promise<void> {
  const [content, window] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as [number, number]
  assert.ok(content <= window, `${what}: ${content} px of content in ${window} px`)
}

export interface Loaded {
  url: string
  host: string
  /** Playwright's word: document, script, stylesheet, fetch, image, … */
  kind: string
  /** Null: it failed, or its answer has not ended. */
  status: number | null
  encoding: string | null
  /** Of the body, as it came over the wire. */
  bytes: number
}

/** Everything that every page of the context asks for from now on. */
export function recordRequests(context: BrowserContext) {
  const byRequest = new Map<Request, Loaded>()
  const underway: Promise<void>[] = []
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    // What stands in the page itself (data:, blob:) came with it.
    if (!/^(https?|wss?):$/.test(protocol)) return
    const kind = request.resourceType()
    byRequest.set(request, { url: request.url(), host, kind, status: null, encoding: null, bytes: 0 })
  })
  context.on('requestfinished', (request) => {
    const one = byRequest.get(request)
    if (one) underway.push(measure(request, one))
  })
  const loaded = () => [...byRequest.values()]
  return {
    loaded,
    hosts: () => [...new Set(loaded().map(({ host }) => host))],
    /** Body bytes over the wire of all that has ended. */
    async bytes(): Promise<number> {
      await Promise.all(underway)
      return loaded().reduce((sum, one) => sum + one.bytes, 0)
    },
  }
}

async function measure(request: Request, one: Loaded): Promise<void> {
  const response = await request.response()
  if (!response) return
  one.status = response.status()
  one.encoding = (await response.headerValue('content-encoding')) ?? null
  one.bytes = (await request.sizes()).responseBodySize
}

/** What the browser complains of: errors of scripts, refused loads, breaches of the content policy. */
export function recordComplaints(context: BrowserContext): string[] {
  const complaints: string[] = []
  context.on('weberror', (error) => complaints.push(String(error.error())))
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return complaints
}

/** An outline on the element that has the focus, or on what it stands in for: a label around its box. */
const hasOutline = `[document.activeElement, document.activeElement.parentElement].some(
  (one) => getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) > 0)`

/** Presses Tab until `target` has the focus; every stop on the way must be seen, and show its focus. Bounded. */
export async function tabTo(page: Page, target: Locator, stopsMax = 40): Promise<void> {
  for (let stop = 0; stop < stopsMax; stop += 1) {
    await page.keyboard.press('Tab')
    const focused = page.locator(':focus')
    if ((await focused.count()) === 0) continue
    const words = await focused.textContent()
    assert.ok(await focused.isVisible(), `the keyboard is on something hidden: ${words}`)
    assert.ok(await page.evaluate(hasOutline), `nobody sees that the keyboard is on: ${words}`)
    if ((await target.and(focused).count()) > 0) return
  }
  assert.fail(`${stopsMax} presses of Tab did not reach ${target}`)
}
