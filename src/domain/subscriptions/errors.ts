import type { ErrorRow } from '../../platform/errors.ts'

export const subscriptionErrors = {
  state: {
    code: '051',
    name: 'SUBSCRIPTION_STATE',
    status: 409,
    message: 'The subscription is in no state for that',
    description: 'error_data says which state it is in. Retrieve it to see what can be done.',
  },
} as const satisfies Record<string, ErrorRow>
