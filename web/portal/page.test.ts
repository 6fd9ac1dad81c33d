import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { languages } from '../checkout/language.ts'
import { contentSecurityPolicy } from '../checkout/policy.ts'
import { cancelPage, chooseCardPage, removeCardPage } from './ask.ts'
import { cardName } from './cards.ts'
import { portalMessagePage } from './message.ts'
import { portalPage } from './page.ts'
import type { CardView, Notice, PortalMessageKind, PortalView, SubscriptionView } from './view.ts'
import { portalWords } from './words.ts'

const hostile = `"><script>alert(1)</script>'\`</style></title>{business}$&`
const nonce = 'bm9uY2U='
const bytesMax = 15_000
const base = '/portal/token'
const noon = (day: string) => new Date(`${day}T12:00:00Z`)

const card = (changed: Partial<CardView> = {}): CardView => ({
  uuid: 'card-1',
  brand: 'visa',
  last4: '4081',
  expMonth: 4,
  expYear: 2028,
  channelName: 'Paystack',
  isDefault: true,
  status: 'active',
  ...changed,
})

const subscription = (changed: Partial<SubscriptionView> = {}): SubscriptionView => ({
  uuid: 'sub-1',
  planName: 'Gold',
  amount: '5000',
  currency: 'NGN',
  interval: 'monthly',
  intervalCount: 1,
  periodDays: null,
  timeZone: 'UTC',
  status: 'active',
  periodEndsAt: noon('2026-12-24'),
  cancelsAt: null,
  endedAt: null,
  overdue: null,
  card: card(),
  canCancel: true,
  canKeep: false,
  canChangeCard: true,
  ...changed,
})

const overdue = {
  amount: '5000',
  currency: 'NGN',
  retryAt: noon('2026-12-27'),
  endsAt: noon('2027-01-09'),
  payUrl: 'https://pay.example/pay/AsP-1',
}

const viewOf = (changed: Partial<PortalView> = {}): PortalView => ({
  language: 'en',
  nonce,
  envMode: 'test',
  business: { name: 'Sade', logo: null },
  base,
  customer: 'Ada Obi',
  subscriptions: [subscription()],
  newer: null,
  older: null,
  cards: [card(), card({ uuid: 'card-2', isDefault: false, last4: '0002' })],
  notice: null,
  returnUrl: null,
  expiresAt: noon('2026-11-25'),
  ...changed,
})

const messages: PortalMessageKind[] = ['unknown', 'expired', 'missing', 'no_channel', 'too_many', 'broken']

/** Every page there is, drawn of one view. */
function pagesOf(view: PortalView): string[] {
  const [one = subscription()] = view.subscriptions
  const [first = card()] = view.cards
  const notices: Notice[] = [
    { kind: 'cancelled', subscription: one },
    { kind: 'kept', subscription: one },
    { kind: 'paid_with', subscription: one },
    { kind: 'default', card: first },
    { kind: 'removed' },
    { kind: 'not_possible' },
  ]
  return [
    portalPage(view),
    portalPage({ ...view, subscriptions: [], cards: [] }),
    portalPage({ ...view, subscriptions: [{ ...one, status: 'past_due', overdue }] }),
    ...notices.map((notice) => portalPage({ ...view, notice })),
    cancelPage({ ...view, subscription: one, endsAt: one.periodEndsAt }),
    cancelPage({ ...view, subscription: one, endsAt: null }),
    chooseCardPage({ ...view, subscription: one }),
    chooseCardPage({ ...view, subscription: one, cards: [] }),
    removeCardPage({ ...view, card: first, paysFor: [] }),
    removeCardPage({ ...view, card: first, paysFor: [one.planName, 'Silver'] }),
    ...messages.map((kind) => portalMessagePage({ ...view, kind, visit: view })),
    portalMessagePage({ ...view, kind: 'unknown', visit: null }),
  ]
}

describe('pages of the portal', () => {
  test('a hostile name of business, customer, plan or card is text', () => {
    const evil = card({ brand: hostile, last4: hostile, channelName: hostile, expMonth: null })
    const view = viewOf({
      business: { name: hostile, logo: null },
      customer: hostile,
      subscriptions: [subscription({ planName: hostile, card: evil })],
      cards: [evil],
    })
    for (const page of pagesOf(view)) {
      assert.ok(!page.includes('<script'), 'a script')
      assert.equal(page.match(/<\/title>/g)?.length, 1)
      assert.equal(page.match(/<\/style>/g)?.length, 1)
    }
    assert.ok(portalPage(view).includes('&#60;script&#62;alert(1)'))
  })

  test('addresses that are not http(s) lead nowhere', () => {
    for (const address of ['javascript:alert(1)', 'data:text/html,x', 'not an address']) {
      const owing = subscription({ status: 'past_due', overdue: { ...overdue, payUrl: address } })
      const page = portalPage(viewOf({ returnUrl: address, subscriptions: [owing] }))
      assert.ok(!/(href|src|action)="(?!\/portal\/token)/.test(page.replace('href="data:,"', '')), address)
    }
  })

  test('every page in every language has one main, one h1, its style by nonce, and nothing left empty', () => {
    for (const language of languages) {
      for (const page of pagesOf(viewOf({ language }))) {
        assert.ok(page.includes(`<html lang="${language}">`))
        assert.equal(page.match(/<main /g)?.length, 1)
        assert.equal(page.match(/<h1[ >]/g)?.length, 1)
        assert.match(page, /<style nonce="bm9uY2U=">/)
        assert.doesNotMatch(page, / (style|on[a-z]+)="|<script| src="/)
        const shown = page.replace(/<style[\s\S]*?<\/style>/, '')
        assert.doesNotMatch(shown, /\{[a-z]+\}|undefined|null|\[object/i, 'an empty filling')
        assert.ok(gzipSync(page).length < bytesMax)
      }
    }
  })

  test('forms are posts below the own address, without fields but the card that is chosen', () => {
    for (const page of pagesOf(viewOf({ subscriptions: [subscription({ canKeep: true })] }))) {
      for (const form of page.match(/<form[^>]*>/g) ?? []) {
        assert.match(form, /^<form method="post" action="\/portal\/token\/(subscriptions|cards)[a-z0-9/-]*"/)
      }
      for (const field of page.match(/<input[^>]*>/g) ?? [])
        assert.match(field, /type="radio" name="payment_method_uuid"/)
    }
  })

  test('nothing ends and nothing is removed by the first press: the portal leads to a question', () => {
    const page = portalPage(viewOf())
    assert.match(page, /<a class="link" href="\/portal\/token\/subscriptions\/sub-1\/cancel"/)
    assert.match(page, /<a class="link" href="\/portal\/token\/cards\/card-1\/remove"/)
    assert.doesNotMatch(page, /<form[^>]*(cancel|remove)"/)
  })

  test('what happens next is said in every state', () => {
    const say = (changed: Partial<SubscriptionView>) => portalPage(viewOf({ subscriptions: [subscription(changed)] }))
    const text = (page: string) => page.replace(/<[^>]+>/g, '')
    assert.match(text(say({})), /Active[\s\S]*Renews on December 24, 2026\./)
    assert.match(text(say({ status: 'trialing' })), /Free until December 24, 2026. Then you pay ₦5,000.00\./)
    const ending = say({ cancelsAt: noon('2026-12-24'), canCancel: false, canKeep: true })
    assert.match(text(ending), /Ends on December 24, 2026\. Nothing more is charged\./)
    assert.match(ending, /action="\/portal\/token\/subscriptions\/sub-1\/keep"/)
    assert.doesNotMatch(text(ending), /Renews|Paid with/)
    const owing = say({ status: 'past_due', overdue })
    assert.match(text(owing), /Payment due[\s\S]*₦5,000.00 did not go through[\s\S]*charged again on December 27, 2026/)
    assert.match(text(owing), /ends on January 9, 2027 unless/)
    assert.match(owing, /<a class="main" href="https:\/\/pay.example\/pay\/AsP-1"/)
    assert.doesNotMatch(text(say({ status: 'past_due', overdue: { ...overdue, retryAt: null } })), /charged again/)
    assert.match(text(say({ status: 'paused' })), /until Sade resumes it/)
    const over = say({ status: 'expired', endedAt: noon('2026-01-02'), canCancel: false, canChangeCard: false })
    assert.match(text(over), /Ended subscriptions[\s\S]*Ended on January 2, 2026/)
    assert.match(text(say({ card: null })), /No card is charged for it/)
  })

  test('days are days where the plan counts them', () => {
    const late = { periodEndsAt: new Date('2026-12-31T23:30:00Z') }
    const page = (timeZone: string) => portalPage(viewOf({ subscriptions: [subscription({ ...late, timeZone })] }))
    assert.match(page('UTC'), /December 31, 2026/)
    assert.match(page('Africa/Lagos'), /January 1, 2027/)
  })

  test('only a card that can be charged may be chosen or become the default', () => {
    const cards = [card(), card({ uuid: 'old', isDefault: false, status: 'expired' })]
    const page = chooseCardPage({ ...viewOf(), subscription: subscription(), cards })
    assert.match(page, /value="card-1" required checked>/)
    assert.match(page, /value="old" required disabled>/)
    const list = portalPage(viewOf({ cards: [...cards, card({ uuid: 'two', isDefault: false })] }))
    assert.deepEqual(list.match(/cards\/[\w-]+\/default/g), ['cards/two/default'])
  })

  test('a card is called as people call it, whatever its channel writes', () => {
    const say = (changed: Partial<CardView>) => cardName(card(changed), portalWords.en)
    assert.equal(say({ brand: 'visa' }), 'Visa ending in 4081')
    assert.equal(say({ brand: ' MASTERCARD ' }), 'Mastercard ending in 4081')
    assert.equal(say({ brand: 'JCB' }), 'JCB ending in 4081')
    assert.equal(say({ brand: 'Cartes Bancaires', last4: null }), 'Cartes Bancaires')
    assert.equal(say({ brand: null }), 'Card ending in 4081')
  })

  test('buttons that look alike say of what they are', () => {
    const page = portalPage(viewOf())
    assert.match(page, /aria-label="Cancel subscription: Gold"/)
    assert.match(page, /aria-label="Remove: Visa ending in 4081"/)
    assert.match(page, /aria-label="Make default: Visa ending in 0002"/)
  })

  test('an expired link says whom to ask, and offers no way in; a missing thing leads back', () => {
    const { business, envMode } = viewOf()
    const expired = portalMessagePage({
      language: 'en',
      nonce,
      kind: 'expired',
      visit: { business, envMode, base: null },
    })
    assert.match(expired, /Ask Sade for a new one/)
    assert.doesNotMatch(expired, /<(a|form|button)/)
    assert.match(
      portalMessagePage({ language: 'en', nonce, kind: 'missing', visit: viewOf() }),
      /href="\/portal\/token"/,
    )
  })

  test('the policy of a page without script: none, no calls, forms to ourselves, no frame', () => {
    const policy = contentSecurityPolicy({
      nonce,
      envMode: 'test',
      business: { name: 'Sade', logo: null },
      frameAncestors: "'none'",
      isPlain: true,
    })
    assert.equal(
      policy,
      "default-src 'none'; script-src 'none'; style-src 'nonce-bm9uY2U='; img-src data:; connect-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
  })
})
