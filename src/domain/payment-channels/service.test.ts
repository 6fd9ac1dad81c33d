import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { ChannelError } from '../../channels/channel.ts'
import { paystack } from '../../channels/paystack/index.ts'
import { type ChannelAccount, call, isHealthy, type Operation } from './service.ts'

/** The circuit breakers of one account: which calls open which of them, and what never does. */

const ctx = {
  metrics: { channelSeconds: { startTimer: () => () => 0 } },
  log: { warn: () => undefined },
} as unknown as Parameters<typeof call>[0]

let count = 0
/** Another account each time: breakers outlive a test. */
function accountOf(): ChannelAccount {
  count += 1
  const account = { id: `breaker-${count}`, slug: 'paystack', updatedAt: new Date(0), channel: paystack }
  return { ...account, credentials: {}, transport: { baseUrl: '', fetch } } as unknown as ChannelAccount
}

const failure = (reason: ChannelError['reason']) => new ChannelError('it failed', { outcome: 'rejected', reason })

async function fail(account: ChannelAccount, operation: Operation, error: Error, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    await assert.rejects(
      call(ctx, account, operation, () => Promise.reject(error)),
      (seen) => seen === error,
    )
  }
}

/** Whether a call of this kind reaches the channel. */
async function passes(account: ChannelAccount, operation: Operation): Promise<boolean> {
  let sent = false
  const work = async () => {
    sent = true
  }
  await call(ctx, account, operation, work).catch(() => undefined)
  return sent
}

const operations: readonly Operation[] = ['open', 'verify', 'void', 'charge', 'refund', 'fetch_refund', 'forget']

test('silence opens the breaker of its own operation, and no other', async () => {
  for (const silent of operations) {
    const account = accountOf()
    await fail(account, silent, failure('unavailable'), 5)
    for (const operation of operations) assert.equal(await passes(account, operation), operation !== silent, silent)
  }
})

test('a channel comes last only while its pages do not open or its payments cannot be asked about', async () => {
  for (const silent of operations) {
    const account = accountOf()
    await fail(account, silent, failure('unavailable'), 5)
    assert.equal(isHealthy(account), silent !== 'open' && silent !== 'verify', silent)
  }
})

test('no number of answers that are unreadable, refused or asked to wait opens a breaker, and no mistake of ours', async () => {
  for (const error of [failure('garbage'), failure('refused'), failure('unauthorised'), failure('rate_limited')]) {
    const account = accountOf()
    for (const operation of operations) await fail(account, operation, error, 12)
    assert.equal(isHealthy(account), true, error.reason)
    for (const operation of operations) assert.ok(await passes(account, operation), `${operation} ${error.reason}`)
  }
  const account = accountOf()
  await fail(account, 'open', new assert.AssertionError({ message: 'ours' }), 12)
  assert.ok(await passes(account, 'open'))
})

test('silences are counted in a row: a refusal between them is an answer', async () => {
  const account = accountOf()
  await fail(account, 'open', failure('unavailable'), 4)
  await fail(account, 'open', failure('refused'), 1)
  await fail(account, 'open', failure('unavailable'), 4)
  assert.ok(await passes(account, 'open'))
  await fail(account, 'open', failure('unavailable'), 5)
  assert.equal(await passes(account, 'open'), false)
})

test('a channel that was silent comes last for ten seconds; then one payment tries it again, and its answer decides', async () => {
  for (const silent of ['open', 'verify'] as const) {
    const account = accountOf()
    mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
    try {
      await fail(account, silent, failure('unavailable'), 5)
      mock.timers.tick(9_999)
      assert.equal(isHealthy(account), false)
      mock.timers.tick(1)
      assert.equal(isHealthy(account), true, `${silent}: nobody would ever try it again`)
      await fail(account, silent, failure('unavailable'), 1)
      assert.equal(isHealthy(account), false)
      mock.timers.tick(10_000)
      const { promise, resolve } = Promise.withResolvers<void>()
      const trying = call(ctx, account, silent, () => promise)
      assert.equal(isHealthy(account), false, `${silent}: the others do not wait for the one that tries`)
      resolve()
      await trying
      assert.equal(isHealthy(account), true)
    } finally {
      mock.timers.reset()
    }
  }
})
