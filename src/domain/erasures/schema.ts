import { type Static, Type } from 'typebox'
import { customerSchema } from '../customers/schema.ts'

const rows = Type.Array(Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }))

/** Everything that we keep of one customer. */
export const exportSchema = Type.Object({
  customer: customerSchema,
  payment_requests: rows,
  transactions: rows,
  refunds: rows,
  subscriptions: rows,
  payment_methods: rows,
  mails: rows,
  audit_log: rows,
  truncated: Type.Array(Type.String(), {
    description: 'The lists that hold only their newest 1,000 rows here; empty where everything is there',
  }),
})
export type Export = Static<typeof exportSchema>

/** In the place of an address that had to go; `.invalid` can never be anybody's (RFC 2606). */
export const erasedEmail = (customerId: string): string => `erased-${customerId}@erased.invalid`

const personal = new Set([
  ...['description', 'meta_data', 'metadata', 'return_url', 'reason'],
  ...['failure_reason', 'last4', 'brand', 'bank', 'exp_month', 'exp_year', 'external_customer_ids'],
])
/** Of a customer, what names nobody. */
const kept = new Set(['uuid', 'customer_id', 'env_mode', 'created_at', 'updated_at', 'deleted_at'])
/** What belongs to the business says nothing of a payer. */
const ofTheBusiness = new Set(['business', 'subscription_plan', 'payment_channel'])

/** In a line of a timeline, what a channel gave as its reason: words of others, in which the payer may be named. */
const reasonOfChannel = /(?<=(declined|refused) the (payment|charge)): .*$/s

/** An answer or event of ours without the person: amounts, references, states and times stay. */
export function withoutPerson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPerson)
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value
  // A customer is told by `full_name`, wherever one stands.
  const isCustomer = 'full_name' in value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (isCustomer) return [key, kept.has(key) ? inner : null]
      if (key === 'summary' && typeof inner === 'string') return [key, inner.replace(reasonOfChannel, '')]
      if (personal.has(key) || key.includes('redirect_url')) return [key, null]
      return [key, ofTheBusiness.has(key) ? inner : withoutPerson(inner)]
    }),
  )
}
