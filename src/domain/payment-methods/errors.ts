import type { ErrorRow } from '../../platform/errors.ts'

export const paymentMethodErrors = {
  notReusable: {
    code: '043',
    name: 'PAYMENT_METHOD_NOT_REUSABLE',
    status: 400,
    message: 'This payment method cannot be charged again',
    description:
      'It has expired, or its issuer refuses every further charge. Have the customer save another with POST /v1/payment-requests/save-payment-method.',
  },
} as const satisfies Record<string, ErrorRow>
