import type { ChannelPayment, ChannelRefund, ChargedSaved } from '../channel.ts'

/** What every channel says in the same words: nothing is known there, or the token is taken no more. */

/** The provider has no payment under this reference: nobody has been there yet. */
export const unknownPayment: ChannelPayment = {
  status: 'pending',
  channelStatus: 'not_found',
  reference: null,
  amountMinor: null,
  currency: null,
  channelTransactionId: null,
  paymentMethod: 'Unknown',
  reason: null,
  paidAt: null,
  savedMethod: null,
}

export const unknownRefund: ChannelRefund = {
  status: 'pending',
  channelStatus: 'not_found',
  channelReference: null,
  amountMinor: null,
  currency: null,
  reason: null,
}

/** The provider does not take the token any more, and tried nothing: a decline that stays one. */
export function unusable(channelReference: string, channelStatus: string, reason: string): ChargedSaved {
  const payment: ChannelPayment = { ...unknownPayment, status: 'failed', channelStatus, reason }
  return { payment, channelReference, payerNeeded: false, actionUrl: null, isHardDecline: true }
}
