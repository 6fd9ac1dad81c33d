import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ApiError } from '../../platform/errors.ts'
import { type Candidate, chooseChannels, leastToTokenize, type RoutingCriteria, successRate, weigh } from './service.ts'

type Limits = Record<string, [payMinor: bigint, tokenizeMinor?: bigint]>

interface More extends Partial<Candidate> {
  payMaxMinor?: bigint
  stepMinor?: bigint
}

function account(slug: string, limits: Limits, more: More = {}): Candidate {
  const { payMaxMinor = null, stepMinor = 1n, ...flags } = more
  const currencies = Object.fromEntries(
    Object.entries(limits).map(([code, [payMinor, tokenizeMinor = payMinor]]) => [
      code,
      { payMinor, tokenizeMinor, payMaxMinor, stepMinor },
    ]),
  )
  return {
    slug,
    isEnabled: true,
    isDefault: false,
    channel: { displayName: slug, limits: { currencies, source: 'test' } },
    ...flags,
  }
}

const first = account('first', { NGN: [5_000n], USD: [200n, 500n] })
const second = account('second', { NGN: [100n, 10_000n], KES: [300n] }, { isDefault: true })
const third = account('third', { NGN: [1n], USD: [50n] }, { payMaxMinor: 100_000n })
const off = account('off', { NGN: [1n], USD: [1n], KES: [1n], GHS: [1n] }, { isEnabled: false })
const all = [first, second, third, off]

const wish = (more: Partial<RoutingCriteria> = {}): RoutingCriteria => ({
  currency: 'NGN',
  amountMinor: 50_000n,
  named: null,
  tokenize: false,
  ...more,
})

/** The slugs in order, or the error's number. */
function outcome(accounts: readonly Candidate[], asked: RoutingCriteria): string {
  try {
    return chooseChannels(accounts, asked)
      .map((one) => one.slug)
      .join(' ')
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    return error.row.code
  }
}

describe('routing', () => {
  const rows: [what: string, asked: Partial<RoutingCriteria>, expected: string][] = [
    ['the default first, then the order of connecting', {}, 'second first third'],
    ['without the default where it does not take the currency', { currency: 'USD' }, 'first third'],
    ['only those whose minimum the amount reaches', { amountMinor: 4_999n }, 'second third'],
    ['the minimum itself is enough', { amountMinor: 5_000n }, 'second first third'],
    ['tokenising may ask for more', { amountMinor: 9_999n, tokenize: true }, 'first third'],
    ['the greatest amount itself is taken', { amountMinor: 100_000n }, 'second first third'],
    ['and nothing above it', { amountMinor: 100_001n }, 'second first'],
    ['a channel that has not answered lately comes last', { unhealthy: new Set(['second']) }, 'first third second'],
    [
      'all of them silent: still all of them',
      { unhealthy: new Set(['first', 'second', 'third']) },
      'second first third',
    ],
    ['030 where nobody takes the currency', { currency: 'EUR' }, '030'],
    ['030 where only a switched-off one would', { currency: 'GHS' }, '030'],
    ['033 where the amount is too small for all', { amountMinor: 0n }, '033'],
    ['named: that one alone', { named: 'third' }, 'third'],
    ['named: alone also when it has not answered lately', { named: 'third', unhealthy: new Set(['third']) }, 'third'],
    ['named: 031 when it is not connected', { named: 'nobody' }, '031'],
    ['named: 031 when it is switched off', { named: 'off' }, '031'],
    ['named: 032 when it does not take the currency', { named: 'second', currency: 'USD' }, '032'],
    [
      'named: 033 when the amount is too small, though another would take it',
      { named: 'first', amountMinor: 1n },
      '033',
    ],
  ]
  for (const [what, asked, expected] of rows) {
    test(`${what} → ${expected}`, () => assert.equal(outcome(all, wish(asked)), expected))
  }

  test('030 with nothing connected, and with everything switched off', () => {
    assert.equal(outcome([], wish()), '030')
    assert.equal(outcome([off], wish()), '030')
  })

  test('033 says the least amount that any of them takes', () => {
    assert.throws(
      () => chooseChannels([first, account('other', { NGN: [7_550n] })], wish({ amountMinor: 1n })),
      (error) => {
        assert.deepEqual((error as ApiError).data, { amount: ['The least amount is 50 NGN.'] })
        return true
      },
    )
  })

  const coarse = account('coarse', { KWD: [300n] }, { stepMinor: 10n, payMaxMinor: 99_999_990n, isDefault: true })
  const fine = account('fine', { KWD: [300n] }, { payMaxMinor: 50_000n })

  test('the channel that can carry the amount is preferred to the default that cannot', () => {
    const kwd = (amountMinor: bigint, more: Partial<RoutingCriteria> = {}) =>
      wish({ currency: 'KWD', amountMinor, ...more })
    assert.equal(outcome([coarse, fine], kwd(10_500n)), 'coarse fine')
    assert.equal(outcome([coarse, fine], kwd(10_505n)), 'fine')
    assert.equal(outcome([coarse, fine], kwd(60_000n)), 'coarse')
    assert.equal(outcome([coarse], kwd(10_505n)), '005')
    assert.equal(outcome([coarse, fine], kwd(10_505n, { named: 'coarse' })), '005')
    assert.equal(outcome([coarse, fine], kwd(60_000n, { named: 'fine' })), '037')
    assert.equal(outcome([coarse, fine], kwd(60_005n)), '037')
  })

  test('what cannot be carried is refused with the bound that it breaks', () => {
    const data = (accounts: Candidate[], amountMinor: bigint) => {
      try {
        return chooseChannels(accounts, wish({ currency: 'KWD', amountMinor }))
      } catch (error) {
        return (error as ApiError).data
      }
    }
    assert.deepEqual(data([coarse], 10_505n), { amount: ['coarse takes KWD in steps of 0.01.'] })
    assert.deepEqual(data([fine], 50_001n), { amount: ['fine takes at most 50 KWD in one payment.'] })
    const larger = account('larger', { KWD: [300n] }, { payMaxMinor: 90_000n })
    assert.deepEqual(data([fine, larger], 90_001n), {
      amount: ['The payment channels take at most 90 KWD in one payment.'],
    })
  })

  test('with records the better channel goes first, and one payment in ten tries another', () => {
    const records = new Map([
      ['first', { successful: 90, failed: 10 }],
      ['second', { successful: 10, failed: 90 }],
      ['third', { successful: 50, failed: 50 }],
    ])
    assert.equal(outcome(all, wish({ records, random: 0.5 })), 'first third second')
    assert.equal(outcome(all, wish({ records, random: 0.1 })), 'first third second')
    assert.equal(outcome(all, wish({ records, random: 0.04 })), 'third first second')
    assert.equal(outcome(all, wish({ records, random: 0.099 })), 'second first third')
    assert.ok(successRate(undefined) === 0.5 && successRate({ successful: 1, failed: 0 }) < 0.9)
  })

  test('whatever is asked: each able channel once, nobody who cannot take it, and every account has its reason', () => {
    const asked = fc.record({
      currency: fc.constantFrom('NGN', 'USD', 'KES', 'GHS', 'EUR'),
      amountMinor: fc.bigInt(0n, 200_000n),
      named: fc.constant(null),
      tokenize: fc.boolean(),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
      records: fc.constant(new Map([['first', { successful: 1, failed: 5 }]])),
    })
    fc.assert(
      fc.property(asked, fc.shuffledSubarray(all), (wanted, accounts) => {
        const weighed = weigh(accounts, wanted)
        assert.deepEqual(weighed.map((one) => one.account.slug).sort(), accounts.map((one) => one.slug).sort())
        for (const { account, refusal, reason } of weighed) {
          assert.ok(reason.length > 0)
          const limit = account.channel.limits.currencies[wanted.currency]
          const least = wanted.tokenize ? limit?.tokenizeMinor : limit?.payMinor
          const able =
            account.isEnabled &&
            least !== undefined &&
            wanted.amountMinor >= least &&
            (limit?.payMaxMinor == null || wanted.amountMinor <= limit.payMaxMinor)
          assert.equal(refusal === null, able, account.slug)
        }
      }),
    )
  })

  test('what each may keep a method for, in the order in which they are tried', () => {
    const least = (more: Partial<RoutingCriteria>) =>
      leastToTokenize(all, wish({ tokenize: true, ...more })).map(Number)
    assert.deepEqual(least({}), [10_000, 5_000, 1])
    assert.deepEqual(least({ unhealthy: new Set(['second']) }), [5_000, 1, 10_000])
    assert.deepEqual(least({ currency: 'USD' }), [500, 50])
    assert.deepEqual(least({ named: 'third' }), [1])
    for (const none of [
      { named: 'off' },
      { named: 'nobody' },
      { currency: 'GHS' },
      { currency: 'USD', named: 'second' },
    ]) {
      assert.deepEqual(least(none), [])
    }
  })
})
