import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { startSandbox } from '../../sandbox/server.ts'
import type { Channel, ChannelTransport, ChargedSaved, PaymentLookup, SavedCharge, SavedMethod } from './channel.ts'
import { ChannelError } from './channel.ts'
import { findChannel } from './index.ts'

/** Saved cards at every channel, from the page that saves one to the charge that was lost: real adapter, real sandbox. */

interface Place {
  readonly slug: string
  readonly fields: Record<string, string>
  readonly cards: { readonly declined: string; readonly expired: string; readonly challenge: string }
  /** The provider's page for a payer who is wanted back. */
  readonly hasPage: boolean
}

const places: readonly Place[] = [
  {
    slug: 'paystack',
    fields: { secret_key: 'sk_test_saved0123456789' },
    cards: { declined: '4084080000000341', expired: '4084080000000549', challenge: '4084080000003184' },
    hasPage: true,
  },
  {
    slug: 'flutterwave',
    fields: { secret_key: 'FLWSECK_TEST-saved0123456789-X', secret_hash: 'hash' },
    cards: { declined: '5531886652140341', expired: '5531886652140549', challenge: '5531886652143184' },
    hasPage: true,
  },
  {
    slug: 'stripe',
    fields: { secret_key: 'sk_test_saved0123456789', webhook_secret: 'whsec_saved0123' },
    cards: { declined: '4000000000000341', expired: '4000000000000549', challenge: '4000002760003184' },
    hasPage: false,
  },
]

const payer = { email: 'ada@example.com', firstName: 'Ada', lastName: 'Obi', fullName: 'Ada Obi', phone: null }

let running: Awaited<ReturnType<typeof startSandbox>>
before(async () => {
  running = await startSandbox({ port: 0 })
})
after(() => running.close())

async function control<Body>(method: string, path: string, body?: object): Promise<Body> {
  const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${running.url}/control${path}`, { method, ...json })
  return (await response.json().catch(() => null)) as Body
}

let count = 0
const newReference = () => `AsT-68a1b2c3d${String(++count).padStart(4, '0')}`

for (const place of places) {
  describe(`saved cards at ${place.slug}`, () => {
    const channel: Channel = findChannel(place.slug)
    const credentials = channel.parseCredentials(place.fields)
    let transport: ChannelTransport
    before(() => {
      const send: typeof fetch = (input, init) => {
        const headers = new Headers(init?.headers)
        headers.set('connection', 'close')
        return fetch(input, { ...init, headers, signal: AbortSignal.timeout(5000) })
      }
      transport = { baseUrl: `${running.url}/${place.slug}`, fetch: send }
    })
    // Each test begins without faults and with an empty ledger; references keep the payments apart.
    beforeEach(() => control('DELETE', ''))

    /** A card that a payer paid with on a page, and let us keep. */
    async function saved(card?: string): Promise<SavedMethod> {
      const reference = newReference()
      const money = { amountMinor: 50_00n, currency: 'USD' }
      const addresses = { returnUrl: 'https://shop.example/return', cancelUrl: 'https://shop.example/cancel' }
      const more = { description: 'Order 7', payer, saveMethod: true, expiresAt: new Date(Date.now() + 60 * 60_000) }
      const opened = await channel.openCheckout({ reference, ...money, ...addresses, ...more }, credentials, transport)
      await control('POST', '/pay', { channel: place.slug, reference, outcome: 'success', card })
      const lookup = { reference, channelReference: opened.channelReference }
      const { savedMethod } = await channel.fetchPayment(lookup, credentials, transport)
      assert.ok(savedMethod)
      await control('DELETE', '')
      return savedMethod
    }

    const chargeOf = (method: SavedMethod, amountMinor: bigint): SavedCharge => ({
      reference: newReference(),
      ...{ amountMinor, currency: 'USD', description: 'Renewal', payer, method },
      returnUrl: 'https://shop.example/return',
    })
    const send = (charge: SavedCharge) => channel.chargeSaved!(charge, credentials, transport)
    const lookupOf = ({ reference, method }: SavedCharge, channelReference: string | null): PaymentLookup => ({
      ...{ reference, channelReference },
      charged: { tokenOwner: method.tokenOwner },
    })
    const ask = (charge: SavedCharge, channelReference: string | null) =>
      channel.fetchPayment(lookupOf(charge, channelReference), credentials, transport)
    const ledger = () =>
      control<{ kind: string; reference: string; amount_minor: number; status: string }[]>('GET', '/ledger')
    const told = ({ payment, payerNeeded, isHardDecline }: ChargedSaved) => [payment.status, payerNeeded, isHardDecline]
    const unknown = (error: unknown) => error instanceof ChannelError && error.outcome === 'unknown'

    it('what is saved says all that a business shows of a card', async () => {
      const method = await saved()
      assert.equal(method.email, payer.email)
      assert.equal(method.type, 'card')
      assert.ok(method.reusable)
      assert.match(method.last4 ?? '', /^\d{4}$/)
      assert.ok(method.brand && method.signature)
      // Stripe tells a card's issuer to few accounts.
      if (place.slug !== 'stripe') assert.ok(method.bank)
      assert.ok(method.expMonth && method.expYear && method.expYear > 2025)
      assert.equal((await saved()).signature, method.signature)
    })

    it('a charge moves exactly what was asked, once, and is found again', async () => {
      const charge = chargeOf(await saved(), 12_34n)
      const charged = await send(charge)
      assert.deepEqual(told(charged), ['successful', false, false])
      const { payment } = charged
      assert.deepEqual(
        [payment.reference, payment.amountMinor, payment.currency],
        [charge.reference, charge.amountMinor, charge.currency],
      )
      assert.ok(payment.channelTransactionId && payment.paidAt)
      const found = await ask(charge, charged.channelReference)
      assert.deepEqual({ ...found, savedMethod: null }, { ...payment, savedMethod: null })
      assert.deepEqual(
        (await ledger()).map(({ kind, reference, amount_minor, status }) => [kind, reference, amount_minor, status]),
        [['charge', charge.reference, 12_34, 'success']],
      )
    })

    it('a decline is a value: soft for a card and for its balance, hard for one that has expired', async () => {
      const rows = [
        [await saved(place.cards.declined), 50_00n, false],
        [await saved(), 140_02n, false],
        [await saved(place.cards.expired), 50_00n, true],
      ] as const
      for (const [method, amountMinor, isHard] of rows) {
        const charge = chargeOf(method, amountMinor)
        const charged = await send(charge)
        assert.deepEqual(told(charged), ['failed', false, isHard])
        assert.ok(charged.payment.reason)
        assert.equal(charged.payment.reference, charge.reference)
        assert.equal((await ask(charge, charged.channelReference)).status, 'failed')
        assert.equal((await ask(charge, null)).status, 'failed')
      }
    })

    it('a payer who is wanted back: nothing moved, and the page takes the money where there is one', async () => {
      const method = await saved(place.cards.challenge)
      const charge = chargeOf(method, 50_00n)
      const charged = await send(charge)
      assert.deepEqual(told(charged), [place.hasPage ? 'pending' : 'failed', true, false])
      assert.equal((await ledger()).filter(({ status }) => status === 'success').length, 0)
      const before = await ask(charge, charged.channelReference)
      assert.equal(before.status, charged.payment.status)
      assert.equal(charged.actionUrl !== null, place.hasPage)
      if (charged.actionUrl === null) return
      assert.equal((await fetch(charged.actionUrl)).status, 200)
      const form = new URLSearchParams({ action: 'pay' })
      await fetch(charged.actionUrl, { method: 'POST', body: form, redirect: 'manual' })
      const paid = await ask(charge, charged.channelReference)
      assert.deepEqual(
        [paid.status, paid.amountMinor, paid.reference],
        ['successful', charge.amountMinor, charge.reference],
      )
    })

    it('a charge that is not decided is pending and wants nobody; later it is what the bank says', async (t) => {
      const charge = chargeOf(await saved(), 140_08n)
      const charged = await send(charge)
      assert.deepEqual(told(charged), ['pending', false, false])
      assert.notEqual((await ask(charge, null)).channelStatus, 'not_found')
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4000 })
      assert.equal((await ask(charge, charged.channelReference)).status, 'successful')
      assert.equal((await ledger()).length, 1)
    })

    it('a lost answer is unknown; asking finds what was done, and says not_found only for what never came', async () => {
      const method = await saved()
      for (const [kind, status] of [
        ['drop_before', 'pending'],
        ['drop_after', 'successful'],
      ] as const) {
        const charge = chargeOf(method, 50_00n)
        await control('POST', '/faults', { channel: place.slug, operation: 'charge', kind, times: 1 })
        await assert.rejects(send(charge), unknown)
        const found = await ask(charge, null)
        assert.equal(found.status, status)
        assert.equal(found.channelStatus === 'not_found', kind === 'drop_before')
        if (kind === 'drop_after') assert.equal(found.reference, charge.reference)
      }
      assert.equal((await ledger()).length, 1)
    })

    it('a reference that was charged is never charged again', async () => {
      const charge = chargeOf(await saved(), 50_00n)
      await send(charge)
      const again = await send(charge).catch((error: unknown) => error)
      if (again instanceof ChannelError) assert.equal(again.outcome, 'unknown')
      else assert.deepEqual(told(again as ChargedSaved), ['successful', false, false])
      assert.equal((await ledger()).length, 1)
    })

    it('less, more, another currency and another reference are reported as they are', async () => {
      const method = await saved()
      for (const amountMinor of [199_01n, 199_02n, 199_03n, 199_04n]) {
        const charge = chargeOf(method, amountMinor)
        const { payment, channelReference } = await send(charge)
        const asked = [charge.amountMinor, charge.currency, charge.reference]
        assert.notDeepEqual([payment.amountMinor, payment.currency, payment.reference], asked)
        if (amountMinor === 199_04n) continue
        const found = await ask(charge, channelReference)
        assert.notDeepEqual([found.amountMinor, found.currency, found.reference], asked)
      }
    })

    it('a token of another e-mail or that was made up is a hard decline, and nothing was tried', async () => {
      const method = await saved()
      const strange = { ...method, token: `${method.token.slice(0, -4)}zzzz` }
      const charge = chargeOf(strange, 50_00n)
      const charged = await send(charge)
      assert.deepEqual(told(charged), ['failed', false, true])
      assert.ok(charged.payment.reason)
      assert.equal((await ask(charge, charged.channelReference)).channelStatus, 'not_found')
      assert.deepEqual(await ledger(), [])
    })

    it('a forgotten card is charged no more; forgetting twice, or what never was, is forgotten', async () => {
      if (!channel.forgetSaved) return assert.equal(place.slug, 'flutterwave')
      const method = await saved()
      await channel.forgetSaved(method, credentials, transport)
      await channel.forgetSaved(method, credentials, transport)
      await channel.forgetSaved({ ...method, token: `${method.token}x` }, credentials, transport)
      assert.deepEqual(told(await send(chargeOf(method, 50_00n))), ['failed', false, true])
      assert.deepEqual(await ledger(), [])
    })

    it('what the provider refuses before it tries is rejected', async () => {
      const live: unknown = {
        ...(credentials as object),
        secret_key: place.fields.secret_key?.replace('sk_test', 'sk_live').replace('_TEST', ''),
      }
      const method = await saved()
      await assert.rejects(
        channel.chargeSaved!(chargeOf(method, 50_00n), live, transport),
        (error) => error instanceof ChannelError && error.outcome === 'rejected' && error.reason === 'unauthorised',
      )
      assert.deepEqual(await ledger(), [])
    })
  })
}
