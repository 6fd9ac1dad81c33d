import type { ErrorRow } from '../../platform/errors.ts'

export const subscriptionPlanErrors = {
  alreadySubscribed: {
    code: '021',
    name: 'CUSTOMER_ALREADY_SUBSCRIBED_TO_PLAN',
    status: 400,
    message: 'The customer is subscribed to this plan already',
    description: 'This resource requires the customer not to have an active subscription',
  },
  nameTaken: {
    code: '050',
    name: 'PLAN_NAME_TAKEN',
    status: 409,
    message: 'Another subscription plan has this name',
    description:
      'A name belongs to one plan of a business and mode, in whatever case it is written. Choose another one.',
  },
  inactive: {
    code: '052',
    name: 'PLAN_INACTIVE',
    status: 400,
    message: 'This subscription plan takes no new subscribers',
    description:
      'It was deactivated. Activate it with PATCH /v1/subscription-plans/{uuid}/activate, or use another plan.',
  },
  hasSubscribers: {
    code: '053',
    name: 'PLAN_HAS_SUBSCRIBERS',
    status: 409,
    message: 'Customers are subscribed to this plan on its present terms',
    description:
      'error_data names what would change for them. A new price for their next periods needs update_existing_subscriptions; for other terms make another plan.',
  },
  beingPaid: {
    code: '054',
    name: 'PLAN_BEING_PAID',
    status: 409,
    message: 'A first payment of this customer for this plan is being confirmed',
    description:
      'Another charge now could take the money twice. Wait for its outcome (an event tells it), or verify that payment request.',
    isPassing: true,
  },
} as const satisfies Record<string, ErrorRow>
