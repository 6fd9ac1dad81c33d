import type { Machine } from '../../platform/states.ts'

/**
 * `unknown`: the channel was asked and has not said; left only by its own word. `pending` without a channel reference:
 * certainly not accepted yet, may be sent; with one: accepted, on its way.
 */
export type RefundStatus = 'pending' | 'unknown' | 'successful' | 'failed'

export const refundMachine: Machine<RefundStatus> = {
  table: 'refunds',
  moves: {
    unknown: ['pending', 'successful', 'failed'],
    pending: ['unknown', 'successful', 'failed'],
    successful: [],
    failed: [],
  },
}
