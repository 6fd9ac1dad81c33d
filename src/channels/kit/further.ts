import type { ChannelPayment, FurtherPayment, PaymentLookup } from '../channel.ts'

/**
 * The answer about one reference where the provider has several payments under it: the first success is the payment, all
 * later ones are further money. `others` may hold anything: what carries another reference, was no success, or is the
 * payment itself is left out. Which success comes first does not change from one asking to the next.
 */
export function withFurther(
  shown: ChannelPayment,
  others: readonly ChannelPayment[],
  reference: string,
): ChannelPayment {
  const successes = new Map<string, ChannelPayment>()
  for (const one of [shown, ...others]) {
    const id = one.channelTransactionId
    if (one.status !== 'successful' || id === null) continue
    // What is shown for the reference is told as it is, another's included: the caller must see that.
    if (one !== shown && one.reference !== reference) continue
    if (!successes.has(id)) successes.set(id, one)
  }
  const [payment, ...further] = [...successes.values()].sort(byTime)
  if (payment === undefined) return shown
  return further.length === 0 ? payment : { ...payment, further: further.map(toFurther) }
}

/** The payment that a webhook named beside the one that is shown, where its id has the provider's form; null: none. */
export function namedBeside(lookup: PaymentLookup, shown: ChannelPayment, idForm: RegExp): string | null {
  const named = lookup.channelTransactionId ?? null
  return named === null || named === shown.channelTransactionId || !idForm.test(named) ? null : named
}

/** By time, then by id, of which providers give out larger ones later. */
function byTime(a: ChannelPayment, b: ChannelPayment): number {
  const [first, second] = [a.paidAt?.getTime() ?? 0, b.paidAt?.getTime() ?? 0]
  if (first !== second) return first - second
  const [left, right] = [a.channelTransactionId ?? '', b.channelTransactionId ?? '']
  return left.length - right.length || (left < right ? -1 : 1)
}

const toFurther = (payment: ChannelPayment): FurtherPayment => ({
  channelTransactionId: payment.channelTransactionId ?? '',
  amountMinor: payment.amountMinor,
  currency: payment.currency,
  paymentMethod: payment.paymentMethod,
  paidAt: payment.paidAt,
})
