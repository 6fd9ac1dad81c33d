import type { ErrorRow } from '../../platform/errors.ts'

export const hookErrors = {
  badSignature: {
    code: '013',
    name: 'WEBHOOK_SIGNATURE_INVALID',
    status: 401,
    message: 'The signature of this webhook is missing or wrong',
    description: 'It must be made with the credentials that are connected for this channel and mode. Nothing was kept.',
  },
} as const satisfies Record<string, ErrorRow>
