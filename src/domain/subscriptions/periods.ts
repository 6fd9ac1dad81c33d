import { DateTime } from 'luxon'
import { after, dayMs } from '../../platform/clock.ts'
import { type BillingCalendar, type Interval, intervalDays } from '../subscription-plans/schema.ts'

/**
 * When periods begin and end. Each boundary is counted from one anchor, never from the boundary before it: so the 31st
 * becomes the last day of a short month and is the 31st again afterwards, and nothing drifts.
 */
export interface Terms {
  readonly interval: Interval
  readonly intervalCount: number
  readonly billingCalendar: BillingCalendar
  /** IANA name; days and months of calendar billing are those of this place. */
  readonly timeZone: string
}

/** One interval as luxon counts it. A quarter is three months and half a year six, so that anchor days hold. */
const calendarUnits: Record<Interval, { days?: number; months?: number }> = {
  daily: { days: 1 },
  weekly: { days: 7 },
  monthly: { months: 1 },
  quarterly: { months: 3 },
  biannually: { months: 6 },
  annually: { months: 12 },
}

/**
 * Where the `nth` period after the anchor ends (0: the anchor itself). Calendar billing keeps the local time of day: a
 * day of 23 or 25 hours is one day, and a time that summer time skips is the same moment's time after it.
 */
export function boundary(anchor: Date, terms: Terms, nth: number): Date {
  const intervals = nth * terms.intervalCount
  if (terms.billingCalendar === 'fixed_days') return after(anchor, intervals * intervalDays[terms.interval] * dayMs)
  const { days = 0, months = 0 } = calendarUnits[terms.interval]
  const local = DateTime.fromJSDate(anchor, { zone: terms.timeZone })
  if (!local.isValid) throw new RangeError(`no time zone: ${terms.timeZone}`)
  return local.plus({ days: intervals * days, months: intervals * months }).toJSDate()
}

/** Days of a period as its plan counts them, for what depends on how long it is. */
export const nominalDays = (terms: Pick<Terms, 'interval' | 'intervalCount'>): number =>
  intervalDays[terms.interval] * terms.intervalCount

export const sameTerms = (a: Terms, b: Terms): boolean =>
  a.interval === b.interval &&
  a.intervalCount === b.intervalCount &&
  a.billingCalendar === b.billingCalendar &&
  a.timeZone === b.timeZone

/** From where periods are counted, and the number of the one that begins there. */
export interface Anchor {
  readonly at: Date
  readonly number: number
  readonly terms: Terms
}

export interface Period {
  readonly number: number
  readonly startsAt: Date
  readonly endsAt: Date
}

export const periodAt = ({ at, number: first, terms }: Anchor, number: number): Period => ({
  number,
  startsAt: boundary(at, terms, number - first),
  endsAt: boundary(at, terms, number - first + 1),
})

/** The anchor for period `number` on: the same while the plan's terms are, else where that period begins. */
export const anchorFor = (anchor: Anchor, number: number, terms: Terms): Anchor =>
  sameTerms(anchor.terms, terms) ? anchor : { at: periodAt(anchor, number).startsAt, number, terms }
