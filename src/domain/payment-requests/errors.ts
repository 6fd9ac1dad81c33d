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
} as const satisfies Record<string, ErrorRow>
