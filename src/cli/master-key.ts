import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config.ts'
import * as businesses from '../domain/businesses/service.ts'
import { parseKeyFile, writeKeyFile } from '../key-file.ts'
import type { Context } from '../platform/context.ts'
import { inTransaction } from '../platform/db.ts'
import * as keys from '../platform/master-key.ts'
import { checkSealed, firstPlace, reseal, type Walked, type WalkPlace } from '../platform/sealed.ts'
import { headOf } from '../platform/secrets.ts'
import { sealedColumns } from '../sealed-columns.ts'
import { UsageError } from './usage.ts'

/** What the server does of it; `key` comes along only where the server could not know it: from the data folder's file. */
export async function beginRotation(ctx: Context, args: { head: string; key?: string }): Promise<null> {
  const head = Buffer.from(args.head, 'hex')
  if (args.key) ctx.secrets.learn(Buffer.from(args.key, 'hex'))
  if (!ctx.secrets.knownHeads().some((one) => one.equals(head))) {
    throw new UsageError('The running server does not know the next key: restart it with ASYNCPAY_MASTER_KEY_NEXT')
  }
  const ignorant = await keys.countIgnorant(ctx.db, head)
  if (ignorant > 0) {
    throw new UsageError(
      `Running processes that do not know the next key: ${ignorant}. Restart each with ASYNCPAY_MASTER_KEY_NEXT, then run this again; nothing was changed`,
    )
  }
  await inTransaction(ctx.db, async (tx) => {
    const isNew = await keys.setCurrent(tx, head)
    if (isNew) await businesses.audit(tx, entryOf(ctx, 'master_key.changed', head))
  })
  ctx.secrets.follow(head)
  return null
}

/** Whoever may still write with the key before: first processes, then transactions from before `since`. */
export async function countWaiting(ctx: Context, since: string | null) {
  const processes = await keys.countUnfollowing(ctx.db, ctx.secrets.sealedHead())
  const transactions = since === null ? 0 : await keys.countOlderTransactions(ctx.database, since)
  return { waiting: processes + transactions, now: await keys.readNow(ctx.db) }
}

export const resealPiece = (ctx: Context, from: WalkPlace, rows: number): Promise<Walked> =>
  reseal(ctx.db, { secrets: ctx.secrets, columns: sealedColumns }, from, rows)

export const checkPiece = (ctx: Context, from: WalkPlace, rows: number): Promise<Walked> =>
  checkSealed(ctx.db, { secrets: ctx.secrets, columns: sealedColumns }, from, rows)

export async function finishRotation(ctx: Context): Promise<null> {
  const head = ctx.secrets.sealedHead()
  await inTransaction(ctx.db, async (tx) => {
    await keys.setFinished(tx, head)
    await businesses.audit(tx, entryOf(ctx, 'master_key.finished', head))
  })
  // The new key vouches for what the old one signed, which nobody will know any more.
  await businesses.sealAll(ctx)
  return null
}

export async function forgetOthers(ctx: Context): Promise<null> {
  const entry = entryOf(ctx, 'master_key.others_forgotten', ctx.secrets.sealedHead())
  await inTransaction(ctx.db, (tx) => businesses.audit(tx, entry))
  ctx.secrets.forgetOthers()
  return null
}

/** A key is named by how its values begin. */
const entryOf = (ctx: Context, action: string, head: Buffer) => ({
  ...{ businessId: null, envMode: null, actor: businesses.commandLine, action, now: ctx.clock.now() },
  detail: { current_head: head.toString('hex') },
})

type Operation = 'begin' | 'waiting' | 'reseal' | 'check' | 'finish' | 'forget'
export type Call = (name: `master-key.${Operation}`, args: Record<string, unknown>) => Promise<unknown>

/** Rows of one step; a step is what is done again when this is killed. */
const rowsByDefault = 5_000
/** While others write, a walk may leave some behind; more walks than this mean that somebody seals with the old key. */
const walksMax = 10
const waitMaxMs = 120_000
const waitEveryMs = 250

/** `master-key rotate|check|forget`. */
export async function changeMasterKey(config: Config, call: Call, verb: string | undefined, given?: string) {
  const rows = given === undefined ? rowsByDefault : Number(given)
  if (!Number.isInteger(rows) || rows < 1 || rows > 100_000) throw new UsageError('--rows must be 1 to 100000')
  if (verb === 'rotate') return await rotate(config, call, rows)
  if (verb === 'check') return await checkAll(call, rows)
  if (verb === 'forget') return await forget(config, call, rows)
  throw new UsageError('asyncpay master-key rotate|check|forget')
}

async function rotate(config: Config, call: Call, rows: number): Promise<void> {
  const next = nextKey(config)
  const head = headOf(next).toString('hex')
  await call('master-key.begin', { head, ...(config.masterKeyFile && { key: next.toString('hex') }) })
  console.log(`The next key seals from now on (its values begin with ${head}); the one before is still read.`)
  await untilNobodyWaits(call)
  for (let walks = 0; walks < walksMax; walks += 1) {
    await walkAll('sealed again', (from) => call('master-key.reseal', { from, rows }))
    const { seen, others } = await walkAll('checked', (from) => call('master-key.check', { from, rows }))
    if (others > 0) continue
    await call('master-key.finish', {})
    console.log(`All ${seen} sealed values open with the new key alone; none opens with the old one.`)
    return endRotation(config)
  }
  throw new UsageError('Somebody still seals with the old key. See that no old process runs, then run this again')
}

/** The key to change to: of the environment, or made here and kept in the data folder's file before it is used. */
function nextKey({ masterKeyFile, nextMasterKey }: Config): Buffer {
  if (masterKeyFile === null) {
    if (nextMasterKey) return nextMasterKey
    throw new UsageError(
      'Make a key (openssl rand -hex 32), give it to every process as ASYNCPAY_MASTER_KEY_NEXT beside ASYNCPAY_MASTER_KEY, restart them, then run this again',
    )
  }
  const held = parseKeyFile(readFileSync(masterKeyFile, 'utf8'))
  if (held.previous)
    throw new UsageError('The last change is not over: asyncpay master-key forget, then run this again')
  const next = held.next ?? randomBytes(32).toString('hex')
  if (!held.next) writeKeyFile(masterKeyFile, { ...held, next })
  return Buffer.from(next, 'hex')
}

function endRotation({ masterKeyFile }: Config): void {
  if (masterKeyFile === null) {
    console.log(
      'Now set ASYNCPAY_MASTER_KEY to the new key everywhere and take ASYNCPAY_MASTER_KEY_NEXT away. Keep the old one as',
      'ASYNCPAY_MASTER_KEY_PREVIOUS as long as checkout, plan and portal links that were sent before shall open; without',
      'it they end. Then: asyncpay master-key check',
    )
    return
  }
  const { current, next } = parseKeyFile(readFileSync(masterKeyFile, 'utf8'))
  if (next) writeKeyFile(masterKeyFile, { current: next, next: null, previous: current })
  console.log('Links that were sent before still open. To end them and the old key: asyncpay master-key forget')
}

async function untilNobodyWaits(call: Call): Promise<void> {
  const deadline = Date.now() + waitMaxMs
  let since: string | null = null
  for (;;) {
    const answer = (await call('master-key.waiting', { since })) as { waiting: number; now: string }
    if (answer.waiting === 0 && since !== null) return
    // Everybody follows: what began before this moment may have been sealed earlier.
    if (answer.waiting === 0) since = answer.now
    else if (Date.now() > deadline) {
      throw new UsageError(`${answer.waiting} processes or transactions do not end; run this again to go on`)
    } else await setTimeout(waitEveryMs)
  }
}

async function walkAll(what: string, piece: (from: WalkPlace) => Promise<unknown>) {
  let from: WalkPlace | null = firstPlace
  const sum = { seen: 0, others: 0 }
  while (from) {
    const walked = (await piece(from)) as Walked
    sum.seen += walked.seen
    sum.others += walked.others
    from = walked.next
    console.log(what === 'checked' ? `checked ${sum.seen}` : `sealed again ${sum.others} of ${sum.seen}`)
  }
  return sum
}

async function checkAll(call: Call, rows: number): Promise<void> {
  const { seen, others } = await walkAll('checked', (from) => call('master-key.check', { from, rows }))
  if (others > 0) throw new UsageError(`${others} of ${seen} values are of another key: asyncpay master-key rotate`)
  console.log(`All ${seen} sealed values open with the current key alone.`)
}

async function forget({ masterKeyFile }: Config, call: Call, rows: number): Promise<void> {
  if (masterKeyFile === null) {
    throw new UsageError('The keys are in the environment: take ASYNCPAY_MASTER_KEY_PREVIOUS away and restart')
  }
  const held = parseKeyFile(readFileSync(masterKeyFile, 'utf8'))
  if (held.next) throw new UsageError('A change is under way: asyncpay master-key rotate goes on with it')
  await checkAll(call, rows)
  writeKeyFile(masterKeyFile, { ...held, previous: null })
  await call('master-key.forget', {})
  console.log('The old key is forgotten; links that were made with it have ended.')
}
