import type { ErrorRow } from '../../platform/errors.ts'

export const erasureErrors = {
  stillActive: {
    code: '022',
    name: 'CUSTOMER_STILL_ACTIVE',
    status: 409,
    message: 'This customer still has something under way',
    description:
      'error_data names the subscriptions, payment requests and refunds. Cancel the subscriptions at once (?immediately=1) and the open payment requests, wait for what is being confirmed, then erase.',
  },
} as const satisfies Record<string, ErrorRow>
