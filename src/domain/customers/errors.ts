import type { ErrorRow } from '../../platform/errors.ts'

export const customerErrors = {
  alreadyExists: {
    code: '020',
    name: 'CUSTOMER_ALREADY_EXISTS',
    status: 409,
    message: 'A customer with this e-mail exists already',
    description:
      'error_data holds the uuid of the one that exists. Use it, or change it with PUT /v1/customers/{uuid}.',
  },
} as const satisfies Record<string, ErrorRow>
