import { inspect } from 'node:util'
import { amountMinorMax } from '../../platform/money.ts'
import { type Channel, ChannelError, type OpenCheckout, type RefundRequest, type SavedCharge } from '../channel.ts'
import type { RefundFacts } from './harness.ts'

/** Ordinary arguments for the contract suite. */

export const at = new Date('2026-11-20T10:00:00Z')
export const reference = 'AsT-68a1b2c3d4e5f'

/** The first currency's least amount and a little more. */
export function firstAmount<Credentials>(channel: Channel<Credentials>): { amountMinor: bigint; currency: string } {
  const [currency, limit] = Object.entries(channel.limits.currencies)[0]!
  return { currency, amountMinor: limit.payMinor + 1n }
}

/** Least, odd, and greatest payments of every currency, each rounded up to what the channel can carry. */
export function* amountsOf<Credentials>(
  channel: Channel<Credentials>,
): Generator<[currency: string, amountMinor: bigint]> {
  for (const [currency, { payMinor, payMaxMinor, stepMinor = 1n }] of Object.entries(channel.limits.currencies)) {
    const greatest = payMaxMinor ?? amountMinorMax
    for (const amountMinor of [payMinor, payMinor + 1n, 29n + payMinor, 1_234_567n, greatest]) {
      yield [currency, ((amountMinor + stepMinor - 1n) / stepMinor) * stepMinor]
    }
  }
}

export function checkoutOf(amount: { amountMinor: bigint; currency: string }): OpenCheckout {
  return {
    reference,
    ...amount,
    description: 'Order 7 “with words”',
    payer: {
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Obi',
      fullName: 'Ada Obi',
      phone: '+2348012345678',
    },
    returnUrl: 'https://shop.example/return?order=7',
    cancelUrl: 'https://shop.example/cancel',
    saveMethod: false,
    expiresAt: new Date(at.getTime() + 24 * 60 * 60 * 1000),
  }
}

export function refundOf(amount: { amountMinor: bigint; currency: string }): RefundRequest {
  return {
    reference: 'AsR-68a1b2c3d4e5f',
    payment: { reference, channelReference: reference },
    channelTransactionId: '4099260516',
    ...amount,
    reason: 'Sent back',
  }
}

export function chargeOf(
  amount: { amountMinor: bigint; currency: string },
  method: SavedCharge['method'],
): SavedCharge {
  const { payer, description, returnUrl } = checkoutOf(amount)
  return { reference, ...amount, description, payer, method, returnUrl }
}

export function refundFactsOf<Credentials>(channel: Channel<Credentials>): RefundFacts {
  return { state: 'pending', request: refundOf(firstAmount(channel)), channelReference: '77' }
}

/** Searches everything that hangs on an error, causes and hidden properties included. */
export function leaks(error: unknown, secrets: readonly string[]): boolean {
  const everything = inspect(error, { depth: Infinity, showHidden: true, maxStringLength: null, breakLength: Infinity })
  const answer = error instanceof ChannelError ? JSON.stringify(error.answer) : ''
  return secrets.some((secret) => everything.includes(secret) || answer.includes(secret))
}
