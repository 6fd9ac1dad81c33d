import type { ErrorRow } from '../../platform/errors.ts'

export const channelErrors = {
  noPaymentChannel: {
    code: '030',
    name: 'NO_PAYMENT_CHANNEL',
    status: 400,
    message: 'No payment channel of this business takes this currency',
    description: 'Connect and enable a payment channel for this mode that takes the currency, then send again.',
  },
  notConnected: {
    code: '031',
    name: 'PAYMENT_CHANNEL_NOT_CONNECTED',
    status: 400,
    message: 'This payment channel is not connected or not enabled',
    description: 'Name a channel that this business has connected and enabled in this mode, or name none.',
  },
  currencyNotSupported: {
    code: '032',
    name: 'CURRENCY_NOT_SUPPORTED',
    status: 400,
    message: 'This payment channel does not take this currency',
    description: 'Use another currency or another channel; GET /v1/payment-channels says what each takes.',
  },
  amountTooSmall: {
    code: '033',
    name: 'AMOUNT_TOO_SMALL',
    status: 400,
    message: 'The amount is below what the payment channel takes',
    description: 'error_data says the least amount. Ask for more, or use another channel.',
  },
  refused: {
    code: '034',
    name: 'PAYMENT_CHANNEL_REFUSED',
    status: 502,
    message: 'The payment channel refused the request',
    description: "error_data holds the channel's own answer. The payment request was kept and can be relayed.",
  },
  unavailable: {
    code: '035',
    name: 'PAYMENT_CHANNEL_UNAVAILABLE',
    status: 503,
    message: 'The payment channel does not answer',
    description: 'The payment request was kept: relay it again after Retry-After seconds, or to another channel.',
  },
  operationNotSupported: {
    code: '036',
    name: 'OPERATION_NOT_SUPPORTED_BY_CHANNEL',
    status: 400,
    message: 'This payment channel cannot do that',
    description: 'Use a channel that can; GET /v1/payment-channels says what each can do.',
  },
  amountTooLarge: {
    code: '037',
    name: 'AMOUNT_TOO_LARGE',
    status: 400,
    message: 'The amount is above what the payment channel takes',
    description: 'error_data says the largest amount. Ask for less, or use another channel.',
  },
} as const satisfies Record<string, ErrorRow>
