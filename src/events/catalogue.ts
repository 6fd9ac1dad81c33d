/** Every event there is, with what its `data` holds. */
export const eventTypes = {
  'payment.completed.successfully': 'A payment request was paid; data is the payment request.',
  'payment.processing': 'The payer has paid and the money is on its way; data is the payment request.',
  'payment.failed': 'A charge of a saved method was declined; data is the payment request.',
  'payment.expired': 'A payment request ran out unpaid; data is the payment request.',
  'payment.cancelled': 'A payment request was cancelled; data is the payment request.',
  'payment.excess': 'Money arrived that does not count for its payment request; data is the payment request.',
  'payment.overpaid': 'More arrived than was asked, and the payment request is paid; data is the payment request.',
  'payment.underpaid': 'Less arrived than was asked, which is no success; data is the payment request.',
  'payment_method.saved': 'A payment method was saved, or saved anew; data is the payment method.',
  'subscription.created': 'A subscription began, with a payment or a trial; data is the subscription.',
  'subscription.renewed': 'A further period was paid; data is the subscription.',
  'subscription.payment_failed': 'A period that is due could not be charged; data is the subscription.',
  'subscription.cancelled': 'A subscription ended because it was cancelled; data is the subscription.',
  'subscription.expired': 'A subscription ended because its period was never paid; data is the subscription.',
  'refund.completed': 'A refund was paid out; data is the refund.',
  'refund.failed': 'A refund could not be paid out; data is the refund.',
} as const satisfies Record<string, string>

export type EventType = keyof typeof eventTypes
export const isEventType = (text: string): text is EventType => Object.hasOwn(eventTypes, text)
