import { formatAmount } from '../../platform/money.ts'
import type { Machine } from '../../platform/states.ts'

export type RequestStatus = 'new' | 'open' | 'successful' | 'failed' | 'expired' | 'cancelled'

export type TransactionStatus =
  | 'pending'
  | 'processing'
  | 'successful'
  | 'failed'
  | 'voided'
  | 'expired'
  | 'unknown'
  | 'excess'

export const requestMachine: Machine<RequestStatus> = {
  table: 'payment_requests',
  moves: {
    new: ['open', 'successful', 'failed', 'expired', 'cancelled'],
    open: ['successful', 'failed', 'expired', 'cancelled'],
    successful: [],
    failed: [],
    expired: [],
    cancelled: [],
  },
}

export const transactionMachine: Machine<TransactionStatus> = {
  table: 'transactions',
  moves: {
    pending: ['processing', 'successful', 'failed', 'voided', 'expired', 'unknown', 'excess'],
    // Money is on its way. Left only by the channel's own word; `pending` when it speaks of no money any more.
    processing: ['successful', 'failed', 'excess', 'pending'],
    // A refused attempt may be tried again on the same page.
    failed: ['processing', 'successful', 'excess'],
    // Left only by the channel's own word; `pending` when it wants the payer on a page of its own.
    unknown: ['processing', 'successful', 'failed', 'excess', 'pending'],
    // The page was given up by us; money that comes all the same does not count.
    voided: ['excess'],
    expired: ['excess'],
    successful: [],
    excess: [],
  },
}

/** A request that can still be paid. */
export const isPayable = (status: RequestStatus): boolean => status === 'new' || status === 'open'

/** An attempt that the channel has not decided. */
export const isUndecided = (status: TransactionStatus): boolean => status === 'pending' || isUnderWay(status)

/** Money is on its way, or may be: nothing else is begun until the channel has said what became of it. */
export const isUnderWay = (status: TransactionStatus): boolean => status === 'processing' || status === 'unknown'

/** An attempt about which nothing more can come. */
export const isSettled = (status: TransactionStatus): boolean => status === 'successful' || status === 'excess'

/** What is still to be paid of a request: parts that have arrived are kept until the rest is there. */
export const restOf = (
  { amount_minor }: { amount_minor: bigint },
  attempts: readonly { is_kept: boolean; received_amount_minor: bigint | null }[],
): bigint => attempts.reduce((rest, one) => rest - (one.is_kept ? (one.received_amount_minor ?? 0n) : 0n), amount_minor)

export function money(amountMinor: bigint, currency: string | null): string {
  try {
    return `${currency} ${formatAmount(amountMinor, currency ?? '')}`
  } catch {
    return `${amountMinor} minor units of ${currency?.slice(0, 10) ?? 'an unnamed currency'}`
  }
}
