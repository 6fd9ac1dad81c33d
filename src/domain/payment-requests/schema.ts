import { type Static, type TSchema, Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import { formatAmount } from '../../platform/money.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { metaData, nullable, optionalText, presentMetaData, text, time } from '../../platform/wire.ts'
import { type Business, businessSchema, type EnvMode, envMode, presentBusiness } from '../businesses/schema.ts'
import type { CreatedBy } from '../businesses/service.ts'
import { type Customer, customerSchema, presentCustomer, type SentCustomer } from '../customers/schema.ts'
import { businessPaymentChannelSchema, paymentChannelSchema } from '../payment-channels/schema.ts'
import { type PlanBody, planSchema } from '../subscription-plans/schema.ts'
import type { RequestStatus, TransactionStatus } from './states.ts'

const createdBy = Type.Unsafe<CreatedBy>({
  type: 'string',
  enum: ['secret', 'public', 'dashboard', 'link', 'renewal'],
  description: 'What made it: a key, a person on the dashboard, a public link, or a subscription that renews',
})

const requestStatus = Type.Unsafe<RequestStatus>({
  type: 'string',
  enum: ['new', 'open', 'successful', 'failed', 'expired', 'cancelled'],
})

const transactionStatus = Type.Unsafe<TransactionStatus>({
  type: 'string',
  enum: ['pending', 'processing', 'successful', 'failed', 'voided', 'expired', 'unknown', 'excess'],
})

export const transactionSchema = Type.Object({
  uuid: text,
  ref: text,
  mode: text,
  env_mode: envMode,
  payment_channel_slug: text,
  payment_method: text,
  currency: text,
  amount: text,
  received_amount: Type.Union([text, Type.Null()], {
    description: 'What has arrived, in major units; null while nothing has, or where it is of another currency',
  }),
  amount_to_usd: text,
  description: optionalText,
  status: transactionStatus,
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
  business_payment_channel: nullable(businessPaymentChannelSchema),
})

export const timelineRecordSchema = Type.Object({
  uuid: text,
  payment_method: optionalText,
  summary: text,
  status: optionalText,
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
})

/** Key order is the documented one; then the relations that an answer documents, and what is ours comes last. */
const coreFields = {
  uuid: text,
  ref: text,
  intent: text,
  env_mode: envMode,
  payment_method: text,
  currency: text,
  amount: text,
  amount_to_usd: text,
  description: optionalText,
  meta_data: metaData,
  discount: Type.Null(),
  cancel_redirect_url: optionalText,
  status: requestStatus,
  created_at: time,
  updated_at: time,
  deleted_at: nullable(time),
  last_transaction: nullable(transactionSchema),
  payment_channel: nullable(paymentChannelSchema),
}

const relationFields = {
  timeline_records: Type.Array(timelineRecordSchema),
  customer: customerSchema,
  business: businessSchema,
  subscription_plan: planSchema,
}

const ownFields = { created_by: createdBy, reference: optionalText }

export type Relation = keyof typeof relationFields

const anyRequest = Type.Object({ ...coreFields, ...Type.Partial(Type.Object(relationFields)).properties, ...ownFields })

export type PaymentRequestBody = Static<typeof anyRequest>

/** A request as one kind of answer shows it. All its keys are required: the serialiser writes optional ones last. */
export const requestFields = (relations: readonly Relation[]) => ({
  ...coreFields,
  ...Object.fromEntries(relations.map((name) => [name, relationFields[name]])),
  ...ownFields,
})

export const requestSchema = (relations: readonly Relation[]) =>
  Type.Unsafe<PaymentRequestBody>(Type.Object(requestFields(relations)))

export const oneRequestSchema = (relations: readonly Relation[]) =>
  Type.Object({ payment_request: requestSchema(relations) })

export const openedRequestSchema = (relations: readonly Relation[]) =>
  Type.Object({ payment_request: requestSchema(relations), action: text })

export const requestListSchema = (relations: readonly Relation[]) =>
  Type.Object({ payment_requests: paginatorSchema(requestSchema(relations) as TSchema) })

interface Stamps {
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

export interface RequestRow extends Stamps {
  id: string
  ref: string
  business_id: string
  env_mode: EnvMode
  customer_id: string
  sent_customer: SentCustomer | null
  intent: string
  status: RequestStatus
  currency: string
  amount_minor: bigint
  amount_to_usd: string
  usd_per_unit: string
  description: string | null
  reference: string | null
  created_by: CreatedBy
  payment_method: string
  /** JSON text. */
  meta_data: string | null
  success_redirect_url: string | null
  failure_redirect_url: string | null
  /** Shown on the hosted checkout instead of the business's own. */
  logo: string | null
  save_payment_method: boolean
  is_trial: boolean
  subscription_plan_id: string | null
  /** By how many periods it extends a subscription; null: it begins one, or pays for one period. */
  extend_subscription_by: number | null
  /** The subscription whose period it pays for. */
  subscription_id: string | null
  follow_up_due_at: Date | null
  /** The method that its payment left. */
  saved_method_id: string | null
  expires_at: Date
  expiry_check_at: Date | null
  /** Whose turn it is to relay it. */
  relay_holder: string | null
  /** How often it was relayed; failing over is none. */
  relays: number
}

export interface TransactionRow extends Stamps {
  id: string
  ref: string
  business_id: string
  env_mode: EnvMode
  payment_request_id: string
  payment_channel_slug: string
  mode: 'redirect' | 'saved'
  /** The saved method that was charged; null for a page. */
  payment_method_id: string | null
  /** A decline of this charge ends its request. */
  ends_request: boolean
  status: TransactionStatus
  currency: string
  amount_minor: bigint
  amount_to_usd: string
  description: string | null
  payment_method: string
  checkout_url: string | null
  channel_reference: string | null
  channel_transaction_id: string | null
  /** What has arrived of it; a fee that the payer bore is not in it. */
  received_amount_minor: bigint | null
  received_currency: string | null
  /** A part of what was asked, kept until the rest is paid. */
  is_kept: boolean
  /** Of a payment that counts, what is due to go back; null: all of it. */
  refund_due_origin: 'overpayment' | null
  /** The attempt on whose page this further payment came. */
  further_of: string | null
  reason: string | null
  /** How a charge of a saved method was refused: `payer`, the payer must be present; null: it was not, or never sent. */
  refusal: 'soft' | 'hard' | 'payer' | null
  opened_at: Date | null
  /** When a charge was about to be sent, in real time, by which its channel lives; null for pages. */
  sent_at: Date | null
  /** Until when money that is on its way may take; null: none ever was. */
  processing_until: Date | null
  check_count: number
}

export interface TimelineRow extends Stamps {
  id: string
  payment_request_id: string
  payment_method: string | null
  summary: string
  status: string | null
}

/** A payment request with everything that its answers may show. */
export interface FullRequest {
  request: RequestRow
  /** What is still to be paid, where a part has arrived and is kept; else all of it. */
  restMinor: bigint
  lastTransaction: TransactionRow | null
  customer: Customer
  timeline: TimelineRow[]
}

type Connected = Static<typeof businessPaymentChannelSchema>

const presentTransaction = (row: TransactionRow, connected: Connected | null): Static<typeof transactionSchema> => ({
  uuid: row.id,
  ref: row.ref,
  mode: row.mode,
  env_mode: row.env_mode,
  payment_channel_slug: row.payment_channel_slug,
  payment_method: row.payment_method,
  currency: row.currency,
  amount: formatAmount(row.amount_minor, row.currency),
  received_amount:
    row.received_amount_minor === null || row.received_currency !== row.currency
      ? null
      : formatAmount(row.received_amount_minor, row.currency),
  amount_to_usd: row.amount_to_usd,
  description: row.description,
  status: row.status,
  created_at: wireTime(row.created_at),
  updated_at: wireTime(row.updated_at),
  deleted_at: row.deleted_at && wireTime(row.deleted_at),
  business_payment_channel: connected,
})

const presentTimeline = (row: TimelineRow): Static<typeof timelineRecordSchema> => ({
  uuid: row.id,
  payment_method: row.payment_method,
  summary: row.summary,
  status: row.status,
  created_at: wireTime(row.created_at),
  updated_at: wireTime(row.updated_at),
  deleted_at: row.deleted_at && wireTime(row.deleted_at),
})

/** `connectedOf`: the channel of the last transaction as this business has it connected. `plan`: where it is shown. */
export function presentRequest(
  full: FullRequest,
  business: Business,
  connectedOf: (slug: string) => Connected | null,
  relations: readonly Relation[],
  plan: PlanBody | null = null,
): PaymentRequestBody {
  const { request, lastTransaction } = full
  const connected = lastTransaction && connectedOf(lastTransaction.payment_channel_slug)
  return {
    uuid: `eric-${request.id}`,
    ref: request.ref,
    intent: request.intent,
    env_mode: request.env_mode,
    payment_method: request.payment_method,
    currency: request.currency,
    amount: formatAmount(request.amount_minor, request.currency),
    amount_to_usd: request.amount_to_usd,
    description: request.description,
    meta_data: presentMetaData(request.meta_data),
    discount: null,
    cancel_redirect_url: request.failure_redirect_url,
    status: request.status,
    created_at: wireTime(request.created_at),
    updated_at: wireTime(request.updated_at),
    deleted_at: request.deleted_at && wireTime(request.deleted_at),
    last_transaction: lastTransaction && presentTransaction(lastTransaction, connected),
    payment_channel: connected?.payment_channel ?? null,
    ...(relations.includes('timeline_records') ? { timeline_records: full.timeline.map(presentTimeline) } : {}),
    ...(relations.includes('customer') ? { customer: presentCustomer(full.customer) } : {}),
    ...(relations.includes('business') ? { business: presentBusiness(business) } : {}),
    ...(plan ? { subscription_plan: plan } : {}),
    created_by: request.created_by,
    reference: request.reference,
  }
}
