import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Script } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { every } from './frame.ts'
import { languages } from './language.ts'
import { messagePage } from './message.ts'
import { checkoutPage } from './page.ts'
import { contentSecurityPolicy } from './policy.ts'
import { receiptPage } from './receipt.ts'
import { sharePage } from './share.ts'
import type { CheckoutState, CheckoutView, MessageKind } from './view.ts'
import { words } from './words.ts'

const hostile = `"><script>alert(1)</script>'\`</style></title>{business}$&`
const nonce = 'bm9uY2U='
const bytesMax = 15_000

const fresh: CheckoutState = { status: 'new', attempt: null, paymentRequest: null }

function viewOf(changed: Partial<CheckoutView> = {}): CheckoutView {
  return {
    language: 'en',
    nonce,
    token: 'token',
    envMode: 'test',
    business: { name: 'Ada', logo: null },
    amount: '1500',
    currency: 'NGN',
    description: 'Bread',
    reference: 'AsP-0123456789abc',
    plan: null,
    channels: [
      { slug: 'paystack', name: 'Paystack', themeColor: '#66B5FF', isHealthy: true },
      { slug: 'stripe', name: 'Stripe', themeColor: '#A966FF', isHealthy: false },
    ],
    state: fresh,
    successUrl: null,
    failureUrl: null,
    ...changed,
  }
}

const attempt = (
  status: 'pending' | 'processing' | 'failed' | 'unknown',
  action: string | null = null,
): CheckoutState => ({
  status: 'open',
  attempt: { channel: 'paystack', channelName: 'Paystack', status, reason: 'Insufficient funds', action },
  paymentRequest: null,
})

const share = (view: CheckoutView) =>
  sharePage({
    ...view,
    checkoutUrl: '/checkout/token',
    shareUrl: 'https://pay.example/pay/AsP-1',
    qrSvg: '<svg></svg>',
  })
const receipt = (view: CheckoutView, returnUrl: string | null = null) =>
  receiptPage({ ...view, channelName: 'Paystack', paidAt: new Date('2026-01-31T23:30:00Z'), returnUrl })
const kinds: MessageKind[] = [
  'unknown',
  'expired',
  'cancelled',
  'failed',
  'paid',
  'not_done',
  'confirming',
  'processing',
  'too_many',
  'broken',
]
const message = (view: CheckoutView, kind: MessageKind) =>
  messagePage({
    language: view.language,
    nonce,
    kind,
    payment: view,
    link: { href: '/checkout/token', to: 'seller' },
    refreshTo: null,
    isWindow: true,
  })

/** Every page there is, drawn of one view. */
const pagesOf = (view: CheckoutView): string[] => [
  checkoutPage(view),
  checkoutPage({ ...view, state: attempt('pending', 'https://provider.example/p') }),
  checkoutPage({ ...view, state: attempt('failed') }),
  checkoutPage({ ...view, state: attempt('processing') }),
  checkoutPage({ ...view, state: { ...fresh, status: 'successful', paymentRequest: { ref: view.reference } } }),
  share(view),
  receipt(view),
  ...kinds.map((kind) => message(view, kind)),
]

const scriptsOf = (page: string) => [...page.matchAll(/<script nonce="[^"]*">([\s\S]*?)<\/script>/g)].map((m) => m[1]!)
const isHidden = (page: string, id: string) => new RegExp(`<[a-z]+ [^>]*id="${id}"[^>]* hidden>`).test(page)

describe('pages', () => {
  test('a hostile name, description, reference, reason or plan is text, in markup and in data', () => {
    const plan = {
      name: hostile,
      interval: 'daily',
      intervalCount: 1,
      periodDays: null,
      amount: '1',
      trialDays: 1,
      initialAmount: '2',
    } as const
    const seller = { name: hostile, logo: null }
    const state = attempt('failed')
    const evil = { ...state, attempt: { ...state.attempt!, reason: hostile, channelName: hostile } }
    const channels = [{ slug: hostile, name: hostile, themeColor: '}</style><script>', isHealthy: true }]
    const view = viewOf({ business: seller, description: hostile, reference: hostile, plan, state: evil, channels })
    for (const page of pagesOf(view)) {
      assert.ok(!page.includes('<script>'), 'a script without a nonce')
      assert.equal(page.match(/<\/title>/g)?.length, 1)
      assert.equal(page.match(/<\/style>/g)?.length, 1)
      assert.ok(page.includes('&#60;script&#62;alert(1)'))
    }
    const data = /<script type="application\/json"[^>]*>(.*?)<\/script>/.exec(checkoutPage(view))
    assert.equal(JSON.parse(data![1]!).names.business, hostile)
  })

  test('addresses that are not http(s) lead nowhere', () => {
    for (const address of ['javascript:alert(1)', 'data:text/html,x', 'not an address']) {
      const state = { ...fresh, status: 'expired' } as const
      const view = viewOf({ failureUrl: address, successUrl: address, business: { name: 'Ada', logo: address } })
      const pages = [
        checkoutPage({ ...view, state }),
        checkoutPage({ ...view, state: { ...fresh, status: 'successful' } }),
        checkoutPage({ ...view, state: attempt('pending', address) }),
        receipt(view, address),
      ]
      for (const page of pages)
        assert.ok(!/(href|src)="(?!\/|#|https:)/.test(page.replace('href="data:,"', '')), address)
    }
  })

  test('every page in every language says its language, has one main, one h1, and all its scripts and styles by nonce', () => {
    for (const language of languages) {
      for (const page of pagesOf(viewOf({ language }))) {
        assert.ok(page.includes(`<html lang="${language}">`))
        assert.equal(page.match(/<main /g)?.length, 1)
        assert.equal(page.match(/<h1>/g)?.length, 1)
        for (const tag of page.match(/<(script|style)[^>]*>/g) ?? []) assert.ok(tag.includes(`nonce="${nonce}"`), tag)
        assert.doesNotMatch(page, / (style|on[a-z]+)="/)
        const shown = page.replace(/<(script|style)[\s\S]*?<\/\1>/g, '')
        assert.doesNotMatch(shown, /\{[a-z]+\}/i, 'an empty filling')
      }
    }
  })

  test('no page loads anything: no script, style, image or font from an address', () => {
    for (const page of pagesOf(viewOf())) {
      assert.doesNotMatch(page, / src="|@import|url\((?!data:)|<link(?! rel="icon" href="data:,")/)
    }
  })

  test('a logo is the one thing from elsewhere, sends no referrer, and the policy names its origin alone', () => {
    const business = { name: 'Ada', logo: 'https://cdn.example/logo.png' }
    assert.match(
      checkoutPage(viewOf({ business })),
      /<img class="logo" src="https:\/\/cdn.example\/logo.png"[^>]*no-referrer/,
    )
    const policy = contentSecurityPolicy({ nonce, envMode: 'live', business, frameAncestors: 'https://shop.example' })
    assert.match(policy, /img-src data: https:\/\/cdn\.example;/)
    assert.match(policy, /default-src 'none'; script-src 'nonce-bm9uY2U='; style-src 'nonce-bm9uY2U='/)
    assert.match(policy, /frame-ancestors https:\/\/shop\.example$/)
    assert.doesNotMatch(policy, /unsafe|http:/)
  })

  test(`the checkout is under ${bytesMax} bytes compressed, in every language; every other page too`, () => {
    for (const language of languages) {
      for (const page of pagesOf(viewOf({ language }))) assert.ok(gzipSync(page).length < bytesMax)
    }
  })

  test('scripts are JavaScript without types, one a page', () => {
    for (const page of pagesOf(viewOf())) for (const script of scriptsOf(page)) new Script(script)
    assert.equal(scriptsOf(checkoutPage(viewOf())).length, 1)
  })
})

describe('the checkout page', () => {
  test('without its script the channels are buttons of a form that relays', () => {
    const page = checkoutPage(viewOf())
    assert.match(page, /<form id="channels" method="post" action="\/checkout\/token\/relay"/)
    assert.match(page, /<button class="way" name="payment_channel" value="paystack">/)
    assert.equal(page.match(/May be slow right now/g)?.length, 1)
    // What only the script can do is not offered before it runs.
    for (const id of ['close', 'check', 'leave', 'problem']) assert.ok(isHidden(page, id), id)
  })

  test('a waiting payment offers the way back to the provider and the other channels', () => {
    const page = checkoutPage(viewOf({ state: attempt('pending', 'https://provider.example/p') }))
    assert.match(page, /id="resume" href="https:\/\/provider.example\/p">Go on with Paystack/)
    assert.ok(!isHidden(page, 'channels'))
  })

  test('a payment without an answer offers no second payment', () => {
    const page = checkoutPage(viewOf({ state: attempt('unknown', 'https://provider.example/p') }))
    assert.ok(isHidden(page, 'channels'))
    assert.ok(isHidden(page, 'resume'))
    assert.ok(page.includes('Please do not pay again'))
  })

  test('a declined payment says why, and offers every channel', () => {
    const page = checkoutPage(viewOf({ state: attempt('failed') }))
    assert.ok(page.includes('Paystack declined this payment'))
    assert.ok(page.includes('Insufficient funds'))
    assert.ok(!isHidden(page, 'channels'))
  })

  test('what has ended offers no channel; what is paid leads on', () => {
    for (const status of ['successful', 'failed', 'expired', 'cancelled'] as const) {
      const page = checkoutPage(viewOf({ state: { ...fresh, status }, successUrl: 'https://shop.example/ok' }))
      assert.ok(isHidden(page, 'channels'), status)
      assert.equal(page.includes('href="https://shop.example/ok"'), status === 'successful', status)
    }
    assert.match(
      checkoutPage(viewOf({ state: { ...fresh, status: 'successful' } })),
      /href="\/checkout\/token\/success"/,
    )
  })

  test('test mode is said; live mode says nothing of it', () => {
    assert.match(checkoutPage(viewOf()), /Test mode/)
    assert.doesNotMatch(checkoutPage(viewOf({ envMode: 'live' })), /Test mode/)
  })

  test('intervals are said as a buyer counts them', () => {
    const say = (interval: Parameters<typeof every>[0]['interval'], intervalCount: number) =>
      every({ interval, intervalCount, periodDays: null }, words.en)
    assert.equal(say('monthly', 2), 'every 2 months')
    assert.equal(say('quarterly', 1), 'every 3 months')
    assert.equal(say('biannually', 2), 'every 12 months')
    assert.equal(say('annually', 1), 'every year')
    assert.equal(say('weekly', 1), 'every week')
    assert.equal(say('daily', 10), 'every 10 days')
  })

  test('a plan that counts in days says its days, in every language', () => {
    const say = (periodDays: number, language: (typeof languages)[number] = 'en') =>
      every({ interval: 'monthly', intervalCount: 1, periodDays }, words[language])
    assert.equal(say(1), 'every day')
    assert.equal(say(7), 'every 7 days')
    assert.equal(say(30), 'every 30 days')
    for (const language of languages) {
      assert.match(say(30, language), /30/)
      const { everyMonth, everyMonths } = words[language]
      assert.ok(![everyMonth, everyMonths.replace('{count}', '30')].includes(say(30, language)), language)
    }
  })
})
