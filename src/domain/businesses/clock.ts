import { setTimeout as sleep } from 'node:timers/promises'
import { after, dayMs, secondMs, wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { type Database, type Db, inTransaction } from '../../platform/db.ts'
import { ApiError, httpErrors, invalid } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import type { ClockedSweep } from '../clock/service.ts'
import { type Mode, type NextDue, nextDues } from '../clock/service.ts'
import { businessErrors } from './errors.ts'
import { type AdvanceClock, advanceDaysMax } from './schema.ts'
import { auditBy, type Caller, changesOf, findNow, forgetCallers } from './service.ts'
import * as store from './store.ts'

/**
 * The test clock: a business's test mode lives ahead of real time by an offset that only grows. Moving it goes from one
 * due time to the next, and at each works off what is due until nothing is, so that everything happens in the order and
 * at the times of real life. Meanwhile the mover holds the mode: workers leave its rows alone.
 *
 * The clock that moves is ours. A provider (and the sandbox) lives in real time: where the next thing is to ask it
 * again about money, the move gives it some real time, bounded, and after some asks leaves the question for later.
 */

/** Longer than one round of due work may take: calls to channels end within 20 s. */
const holdMs = 90 * secondMs
/** What one call does before it says how far it came: in real time, less than an idempotency claim is held. */
const callLimits = { workMaxMs: 60 * secondMs, stepsMax: 50_000 }
/** What providers are waited for, once and altogether. */
const pauseMs = 300
const patienceMs = 5 * secondMs
/** Moves at once in a process: they share the few connections that are theirs, and each must get on. */
const movesMax = 10
/** Things that a move does at once: as many as it has connections, so that none waits for one in vain. */
const atOnce = 2
/** More held clocks than that are looked at in the next second. */
const heldMax = 1_000
/** Until a row that somebody else is working on is let go. */
const busyPauseMs = 20

export interface TestClock {
  readonly now: Date
  readonly offsetSeconds: number
}

export async function readClock(ctx: Context, caller: Caller): Promise<TestClock> {
  const offsetMs = caller.envMode === 'live' ? 0 : await store.findClockOffsetMs(ctx.db, caller.businessId, 'test')
  return { now: after(ctx.clock.now(), offsetMs), offsetSeconds: offsetMs / 1_000 }
}

/**
 * Moves the test clock forward; what falls due on the way has happened then. Throws `TEST_CLOCK_IN_LIVE_MODE` in live
 * mode, `TEST_CLOCK_BUSY` while another move is under way, `TEST_CLOCK_NOT_THERE_YET` when it did not come to the end:
 * what it has done stays done, and calling again goes on.
 */
export async function advance(
  ctx: Context,
  caller: Caller,
  body: AdvanceClock,
  sweeps: readonly ClockedSweep[],
  limits = callLimits,
): Promise<TestClock> {
  if (caller.envMode !== 'test') throw new ApiError(businessErrors.testClockInLiveMode)
  const to = targetOf(body, await findNow(ctx, caller))
  const apart = { ...ctx, db: ctx.database.clocks }
  const end = beginMove(ctx)
  const holder = newId()
  ctx.holder.begin(holder)
  try {
    await hold(apart, caller, holder, to)
    await new Walk(apart, caller, holder, to, sweeps, limits).run()
  } finally {
    end()
    // Also where the database went away meanwhile: held, the clock would refuse the next move for a minute and a half.
    const release = (db: Db) => store.releaseClock(db, caller, holder)
    await ctx.holder.untilDone('release of a test clock', release, () => {
      ctx.holder.end(holder)
      forgetCallers(ctx)
    })
  }
  return await readClock(ctx, caller)
}

async function hold(ctx: Context, caller: Caller, holder: string, to: Date): Promise<void> {
  if (await tryHold(ctx, caller, holder, to)) return
  await releaseOfDead(ctx)
  if (!(await tryHold(ctx, caller, holder, to))) throw busy()
}

/** With the row of who moves it, and to where: what follows is work of many transactions. */
async function tryHold(ctx: Context, caller: Caller, holder: string, to: Date): Promise<boolean> {
  const [now, from] = [ctx.clock.now(), await findNow(ctx, caller)]
  return await inTransaction(ctx.db, async (tx) => {
    const wanted = { holder, now, until: after(now, holdMs), processId: ctx.holder.id }
    const isHeld = await store.holdClock(tx, caller, wanted)
    if (isHeld) await auditBy(tx, caller, 'test_clock.advanced', changesOf({ now: from }, { now: to }), now)
    return isHeld
  })
}

/** Clocks whose mover's process died are let go long before their hold ends. */
export async function releaseOfDead(ctx: Context): Promise<number> {
  for (const { businessId, envMode, holder, processId, silentMs } of await store.listHeldClocks(ctx.db, heldMax)) {
    if (processId === null || !ctx.holder.isGone(processId, holder, silentMs)) continue
    await store.releaseClock(ctx.db, { businessId, envMode }, holder)
  }
  return 0
}

const moves = new WeakMap<Database, number>()

/** Gives what ends it. Throws `TOO_MANY_REQUESTS` where too many are under way. */
function beginMove({ database }: Context): () => void {
  const count = (by: number) => void moves.set(database, (moves.get(database) ?? 0) + by)
  if ((moves.get(database) ?? 0) >= movesMax) {
    const message = 'Too many test clocks are being moved'
    throw new ApiError(httpErrors.tooManyRequests, { message, headers: { 'retry-after': '5' } })
  }
  count(1)
  return () => count(-1)
}

const busy = () => new ApiError(businessErrors.testClockBusy, { headers: { 'retry-after': '1' } })

function targetOf(body: AdvanceClock, now: Date): Date {
  const to = body.to === undefined ? after(now, (body.days ?? 0) * dayMs) : new Date(body.to)
  const field = body.to === undefined ? 'days' : 'to'
  if (to <= now) throw invalid({ [field]: [`The test clock only moves forward; it is ${wireTime(now)} now.`] })
  if (to.getTime() - now.getTime() > advanceDaysMax * dayMs) {
    throw invalid({ [field]: [`The test clock moves at most ${advanceDaysMax} days a call.`] })
  }
  return to
}

const modeOf = ({ businessId, envMode }: Mode): Mode => ({ businessId, envMode })

function isDue(next: NextDue | undefined, now: Date): boolean {
  return next !== undefined && next.at <= now
}

function earliest(nexts: readonly (NextDue | undefined)[]): NextDue | undefined {
  return nexts.reduce((a, b) => (b && (!a || b.at < a.at) ? b : a), undefined)
}

/** One move, from where the clock is to `to`. */
class Walk {
  readonly #ctx: Context
  readonly #caller: Caller
  readonly #holder: string
  readonly #to: Date
  readonly #works: NonNullable<ClockedSweep['clocked']>[]
  readonly #limits: typeof callLimits
  readonly #startedAt = Date.now()
  #patienceMs = patienceMs

  constructor(
    ctx: Context,
    caller: Caller,
    holder: string,
    to: Date,
    sweeps: readonly ClockedSweep[],
    limits: typeof callLimits,
  ) {
    this.#limits = limits
    this.#ctx = ctx
    this.#caller = caller
    this.#holder = holder
    this.#to = to
    this.#works = sweeps.flatMap((sweep) => sweep.clocked ?? [])
  }

  async run(): Promise<void> {
    for (let steps = 0; steps < this.#limits.stepsMax; steps += 1) {
      const next = await this.#workOff()
      if (!next || next.at > this.#to) return await this.#arrive()
      await this.#wait(next)
      await this.#moveTo(next.at)
    }
    throw await this.#notThereYet()
  }

  async #arrive(): Promise<void> {
    await this.#moveTo(this.#to)
    await this.#workOff()
  }

  /** Until nothing is due at this time any more, or all that is is held by others; gives what is due next. */
  async #workOff(): Promise<NextDue | undefined> {
    const dues = this.#works.map((work) => work.due)
    for (;;) {
      const nexts = await nextDues(this.#ctx.db, dues, this.#caller)
      const now = await findNow(this.#ctx, this.#caller)
      const due = this.#works.filter((_, n) => isDue(nexts[n], now))
      let worked = 0
      for (const work of due) {
        worked += await work.run({ ...modeOf(this.#caller), atOnce }, this.#to)
        if (Date.now() - this.#startedAt > this.#limits.workMaxMs) throw await this.#notThereYet()
      }
      if (worked === 0) return earliest(nexts)
      await this.#moveTo(now)
    }
  }

  async #wait(next: NextDue): Promise<void> {
    if (next.at <= (await findNow(this.#ctx, this.#caller))) return void (await sleep(busyPauseMs))
    if (!next.waits || this.#patienceMs <= 0) return
    this.#patienceMs -= pauseMs
    await sleep(pauseMs)
  }

  /** Never backwards; holds on to the mode. Throws when somebody else has it: this process stood still for too long. */
  async #moveTo(at: Date): Promise<void> {
    const now = this.#ctx.clock.now()
    const offsetSeconds = Math.ceil((at.getTime() - now.getTime()) / 1_000)
    const hold = { holder: this.#holder, until: after(now, holdMs) }
    if (!(await store.moveClock(this.#ctx.db, this.#caller, hold, offsetSeconds))) throw busy()
  }

  async #notThereYet(): Promise<ApiError> {
    const now = wireTime(await findNow(this.#ctx, this.#caller))
    const to = wireTime(this.#to)
    return new ApiError(businessErrors.testClockNotThereYet, {
      message: `The test clock came to ${now}; call again with {"to": "${to}"} and it goes on`,
      data: { now, to },
      headers: { 'retry-after': '0' },
    })
  }
}
