import { PaystackError } from './errors.ts'
import { type Authorization, type Customer, nextId, type Paystack, randomCode } from './records.ts'

function customerKey(secretKey: string, email: string): string {
  return `${secretKey} ${email.toLowerCase()}`
}

/** The account's customer with this e-mail; a payment makes one. */
export function customerOf(ps: Paystack, secretKey: string, email: string): Customer {
  const key = customerKey(secretKey, email)
  const known = ps.customers.get(key)
  if (known) return known
  const now = new Date().toISOString()
  return ps.customers.put(key, {
    id: nextId(ps),
    secretKey,
    code: randomCode('CUS_', 15),
    email: email.toLowerCase(),
    firstName: null,
    lastName: null,
    phone: null,
    metadata: null,
    createdAt: now,
    updatedAt: now,
  })
}

export function findCustomer(ps: Paystack, secretKey: string, emailOrCode: string): Customer | undefined {
  return (
    ps.customers.get(customerKey(secretKey, emailOrCode)) ?? ps.customers.by('code', `${secretKey} ${emailOrCode}`)[0]
  )
}

/** Makes the customer, or fills in what a known one lacks. */
export function saveCustomer(ps: Paystack, customer: Customer): Customer {
  return ps.customers.put(customerKey(customer.secretKey, customer.email), customer)
}

export function authorizationsOf(ps: Paystack, customer: Customer): Authorization[] {
  return ps.authorizations.by('owner', `${customer.secretKey} ${customer.email}`).filter(({ active }) => active)
}

/** The saved card, when it may be charged: known, active, with the e-mail that made it. */
export function findAuthorization(ps: Paystack, secretKey: string, code: string, email: string): Authorization {
  const found = ps.authorizations.get(code)
  if (found?.active && found.secretKey === secretKey && found.email === email.toLowerCase()) return found
  throw new PaystackError(400, 'Authorization code does not exist or has been deactivated', {
    meta: { nextStep: 'Ensure that the authorization code is active and belongs to this customer' },
    type: 'validation_error',
    code: 'invalid_authorization_code',
  })
}

export function deactivate(ps: Paystack, secretKey: string, code: string): void {
  const found = ps.authorizations.get(code)
  if (!found?.active || found.secretKey !== secretKey) throw new PaystackError(404, 'Authorization code not found.')
  ps.authorizations.put(code, { ...found, active: false })
}
