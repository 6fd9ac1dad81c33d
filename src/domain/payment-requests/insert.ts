import type { Context } from '../../platform/context.ts'
import { brokenConstraint, type Tx } from '../../platform/db.ts'
import { ApiError, notFound } from '../../platform/errors.ts'
import { newId, newRef } from '../../platform/ids.ts'
import { toUsd } from '../../platform/money.ts'
import type { CreatedBy } from '../businesses/service.ts'
import { paymentRequestErrors } from './errors.ts'
import type { RequestRow } from './schema.ts'
import type { Owner } from './store.ts'
import { insertChargeRequest, insertRequest, type NewRequest } from './store-insert.ts'

/** Making a payment request: by a call, or for a charge that nobody opens a page for. */

export interface ForCharge {
  id: string
  customerId: string
  intent: 'charge_payment_method' | 'subscription'
  currency: string
  amountMinor: bigint
  /** Asked for before the transaction: US dollars for one major unit. */
  usdPerUnit: string
  description: string | null
  reference?: string | null
  metaData?: string | null
  createdBy: CreatedBy
  isTrial?: boolean
  subscriptionPlanId?: string | null
  extendSubscriptionBy?: number | null
  subscriptionId?: string | null
  expiresAt: Date
  now: Date
  /** If false, the request has no automatic expiry; dunning ends it through `endSoon`, so worker downtime cannot. */
  endsByItself?: boolean
}

/** In the caller's transaction: a request that a saved method will pay; no channel is called, nothing pending. */
export const insertForCharge = (tx: Tx, owner: Owner, request: ForCharge): Promise<RequestRow> =>
  insertChargeRequest(tx, owner, {
    ...request,
    ref: newRef('AsP-'),
    amountToUsd: toUsd(request.amountMinor, request.currency, request.usdPerUnit),
    reference: request.reference ?? null,
    metaData: request.metaData ?? null,
    isTrial: request.isTrial ?? false,
    subscriptionPlanId: request.subscriptionPlanId ?? null,
    extendSubscriptionBy: request.extendSubscriptionBy ?? null,
    subscriptionId: request.subscriptionId ?? null,
    expiryCheckAt: request.endsByItself === false ? null : request.expiresAt,
    timelineId: newId(),
  })

/** Somebody else may make the same customer at the same moment; a second look finds it. */
const insertTriesMax = 3

export async function insert(ctx: Context, owner: Owner, row: NewRequest) {
  for (let tries = 1; ; tries += 1) {
    try {
      const made = await insertRequest(ctx.db, owner, row)
      if (!made) throw notFound('customer', 'customer_uuid')
      if (row.claim) row.claim.held = true
      return made
    } catch (error) {
      const constraint = brokenConstraint(error)
      if (constraint === 'payment_requests_reference_key') throw duplicateReference()
      if (constraint !== 'customers_email_key' || tries >= insertTriesMax) throw error
    }
  }
}

export const duplicateReference = () =>
  new ApiError(paymentRequestErrors.duplicateReference, {
    data: { reference: ['This reference was used for another payment request.'] },
  })
