import type { ErrorRow } from '../../platform/errors.ts'

export const subscriptionPlanErrors = {
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
} as const satisfies Record<string, ErrorRow>
