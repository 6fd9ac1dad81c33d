import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DateTime } from 'luxon'
import { dayMs, hourMs } from '../../platform/clock.ts'
import type { Interval } from '../subscription-plans/schema.ts'
import { intervalDays } from '../subscription-plans/schema.ts'
import { boundary, type Terms } from './periods.ts'

const intervals = Object.keys(intervalDays) as Interval[]
const zones = ['UTC', 'Africa/Lagos', 'America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Asia/Kathmandu']

const calendar = (interval: Interval, timeZone = 'UTC', intervalCount = 1): Terms => ({
  interval,
  intervalCount,
  billingCalendar: 'calendar',
  timeZone,
})
const days = (anchor: string, terms: Terms, count: number): string[] =>
  Array.from({ length: count }, (_, nth) =>
    DateTime.fromJSDate(boundary(new Date(anchor), terms, nth), { zone: terms.timeZone }).toFormat('yyyy-MM-dd'),
  )

const anyTerms = fc.record({
  interval: fc.constantFrom(...intervals),
  intervalCount: fc.integer({ min: 1, max: 12 }),
  billingCalendar: fc.constantFrom('fixed_days' as const, 'calendar' as const),
  timeZone: fc.constantFrom(...zones),
})
const anyAnchor = fc.date({ min: new Date('2024-01-01'), max: new Date('2030-12-31'), noInvalidDate: true })
const anyNth = fc.integer({ min: 0, max: 130 })

describe('periods', () => {
  test('the 31st is the last day of short months and the 31st again after them', () => {
    assert.deepEqual(days('2027-12-31T12:00:00Z', calendar('monthly'), 6), [
      '2027-12-31',
      '2028-01-31',
      '2028-02-29',
      '2028-03-31',
      '2028-04-30',
      '2028-05-31',
    ])
  })

  test('29 February is the 28th in other years and the 29th again in the next leap year', () => {
    assert.deepEqual(days('2028-02-29T12:00:00Z', calendar('annually'), 5), [
      '2028-02-29',
      '2029-02-28',
      '2030-02-28',
      '2031-02-28',
      '2032-02-29',
    ])
    assert.deepEqual(days('2027-11-30T12:00:00Z', calendar('quarterly'), 3), ['2027-11-30', '2028-02-29', '2028-05-30'])
  })

  test('the anchor day is the one of the plan’s place, not of UTC', () => {
    // 31 January 23:30 in Lagos is 22:30 UTC; 1 February 04:30 UTC is still 31 January in New York.
    assert.deepEqual(days('2027-01-31T22:30:00Z', calendar('monthly', 'Africa/Lagos'), 3), [
      '2027-01-31',
      '2027-02-28',
      '2027-03-31',
    ])
    assert.deepEqual(days('2027-02-01T04:30:00Z', calendar('monthly', 'America/New_York'), 3), [
      '2027-01-31',
      '2027-02-28',
      '2027-03-31',
    ])
  })

  test('summer time changes the length of a day, not the time of day', () => {
    const terms = calendar('daily', 'America/New_York')
    const anchor = new Date('2027-03-13T17:00:00Z')
    assert.equal(boundary(anchor, terms, 1).getTime() - anchor.getTime(), 23 * hourMs)
    // 2:30 does not exist on the day when it is skipped, and is back the next day.
    const skipped = new Date('2027-03-13T07:30:00Z')
    assert.equal(boundary(skipped, terms, 1).toISOString(), '2027-03-14T07:30:00.000Z')
    assert.equal(boundary(skipped, terms, 2).toISOString(), '2027-03-15T06:30:00.000Z')
  })

  test('fixed days: 1, 7, 30, 90, 180, 365, times the count, in no time zone', () => {
    const anchor = new Date('2028-02-28T10:00:00Z')
    for (const interval of intervals) {
      const terms = { interval, intervalCount: 2, billingCalendar: 'fixed_days', timeZone: 'America/New_York' } as const
      assert.equal(boundary(anchor, terms, 3).getTime() - anchor.getTime(), 6 * intervalDays[interval] * dayMs)
    }
  })

  test('any anchor, terms and place: boundaries only go forward, and the first is the anchor', () => {
    fc.assert(
      fc.property(anyAnchor, anyTerms, anyNth, (anchor, terms, nth) => {
        assert.equal(boundary(anchor, terms, 0).getTime(), anchor.getTime())
        assert.ok(boundary(anchor, terms, nth + 1) > boundary(anchor, terms, nth))
      }),
      { numRuns: 500 },
    )
  })

  test('any calendar month: the local day is the anchor’s, or the last of a month that is too short', () => {
    const monthly = anyTerms.filter((terms) => !['daily', 'weekly'].includes(terms.interval))
    fc.assert(
      fc.property(anyAnchor, monthly, anyNth, (anchor, terms, nth) => {
        const zone = terms.timeZone
        const from = DateTime.fromJSDate(anchor, { zone })
        const months = { monthly: 1, quarterly: 3, biannually: 6, annually: 12 }[terms.interval as 'monthly']
        const at = DateTime.fromJSDate(boundary(anchor, { ...terms, billingCalendar: 'calendar' }, nth), { zone })
        const monthsSince = (at.year - from.year) * 12 + at.month - from.month
        assert.equal(monthsSince, months * terms.intervalCount * nth)
        assert.equal(at.day, Math.min(from.day, at.daysInMonth ?? 0))
      }),
      { numRuns: 500 },
    )
  })

  test('any calendar day or week: as many local days on, at the same time of day but for an hour of change', () => {
    const daily = anyTerms.filter((terms) => ['daily', 'weekly'].includes(terms.interval))
    fc.assert(
      fc.property(anyAnchor, daily, anyNth, (anchor, terms, nth) => {
        const at = boundary(anchor, { ...terms, billingCalendar: 'calendar' }, nth)
        const expected = nth * terms.intervalCount * intervalDays[terms.interval] * dayMs
        assert.ok(Math.abs(at.getTime() - anchor.getTime() - expected) <= hourMs)
      }),
      { numRuns: 500 },
    )
  })
})
