import type { Machine } from '../../platform/states.ts'

export type SubscriptionStatus = 'trialing' | 'active' | 'past_due' | 'paused' | 'cancelled' | 'expired'
export type PeriodStatus = 'open' | 'paid' | 'unpaid'

export const subscriptionMachine: Machine<SubscriptionStatus> = {
  table: 'subscriptions',
  moves: {
    trialing: ['active', 'past_due', 'paused', 'cancelled', 'expired'],
    active: ['past_due', 'paused', 'cancelled', 'expired'],
    past_due: ['active', 'cancelled', 'expired'],
    paused: ['trialing', 'active', 'cancelled'],
    cancelled: [],
    expired: [],
  },
}

export const periodMachine: Machine<PeriodStatus> = {
  table: 'subscription_periods',
  moves: { open: ['paid', 'unpaid'], paid: [], unpaid: [] },
}

/** One that still is: its customer has no other for the plan. */
export const isLive = (status: SubscriptionStatus): boolean => status !== 'cancelled' && status !== 'expired'
