import type { ErrorRow } from '../../platform/errors.ts'

export const paymentRequestErrors = {
  duplicateReference: {
    code: '010',
    name: 'DUPLICATE_REFERENCE',
    status: 409,
    message: 'This reference was used for another payment request',
    description:
      'A reference belongs to one payment request of a business and mode. Retrieve that one, or use another reference.',
  },
  notRelayable: {
    code: '040',
    name: 'PAYMENT_REQUEST_NOT_RELAYABLE',
    status: 409,
    message: 'This payment request is not new or open any more',
    description:
      'It was paid, cancelled, has failed or has expired. Retrieve it to see which, and initiate another if need be.',
  },
  declined: {
    code: '041',
    name: 'PAYMENT_DECLINED',
    status: 402,
    message: 'The payment method was declined',
    description:
      'error_data.reason says why, in the words of the channel. Charge another method, or have the customer pay on a page with POST /v1/payment-requests.',
  },
  payerActionRequired: {
    code: '042',
    name: 'PAYER_ACTION_REQUIRED',
    status: 402,
    message: 'The customer must confirm this payment',
    description: 'Send the customer to error_data.action. The payment request stays open until they have paid there.',
  },
  processing: {
    code: '045',
    name: 'PAYMENT_PROCESSING',
    status: 409,
    message: 'The payer has paid, and the money is on its way',
    description:
      'Nothing else can be begun, and the request cannot be ended, until the channel says what became of it. An event tells you; bank transfers and debits may take days.',
    isPassing: true,
  },
  beingConfirmed: {
    code: '046',
    name: 'PAYMENT_BEING_CONFIRMED',
    status: 409,
    message: 'A charge for this payment request is being confirmed',
    description:
      'It is open, and its channel has not said yet whether the charge succeeded. An event tells you what became of it; then the same call may be sent again.',
    isPassing: true,
  },
  busy: {
    code: '047',
    name: 'PAYMENT_REQUEST_BUSY',
    status: 409,
    message: 'This payment request is being relayed',
    description:
      'It is open, and the channel of another call takes long to answer. Send the same call again after Retry-After seconds.',
    isPassing: true,
  },
} as const satisfies Record<string, ErrorRow>
