import { createHash } from 'node:crypto'
import { hourMs, wireTime } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { inTransaction } from '../../platform/db.ts'
import { sameText } from '../../platform/secrets.ts'
import * as store from './store-audit.ts'

/**
 * The chain over the audit log. Rows are sealed some time after they were written, so that no payment waits for another's:
 * whoever writes a row enters it as unsealed in the same transaction, and a sweep takes what is committed into the next
 * link. A link names its rows; so it does not matter in which order transactions end, and a row that commits late comes
 * into a later link.
 */

/** Rows of one link. */
const rowsMax = 500
const digestLength = 32
const genesis = Buffer.alloc(digestLength)
/** In a link in the place of a row that was gone before it could be sealed. */
const goneDigest = Buffer.alloc(digestLength)

const sha256 = (text: string | Buffer): Buffer => createHash('sha256').update(text).digest()

/** Covers each column; of the address only its digest, so that an erasure changes nothing here. */
function digestOf(row: store.WrittenRow): Buffer {
  if (row.action === null) return goneDigest
  const detail = sha256(row.detail).toString('hex')
  const values = [row.id, row.business_id, row.env_mode, row.actor_kind, row.actor, row.action, detail]
  return sha256(JSON.stringify([...values, row.customer_id, row.address_digest, row.created_at, row.written_at]))
}

type Unsigned = Omit<store.Link, 'digest' | 'signature'>

const linkDigestOf = ({ sequence, previous, ids, digests, sealedAt }: Unsigned): Buffer =>
  sha256(JSON.stringify([sequence, previous.toString('hex'), ids, digests.toString('hex'), sealedAt]))

const signedText = (link: Pick<store.Link, 'sequence' | 'digest'>) =>
  `audit/${link.sequence}/${link.digest.toString('hex')}`

/** The next link; gives how many rows came into it. Whoever seals alone does it; others find nothing to do. */
export async function seal(ctx: Context): Promise<number> {
  const isIdle = !(await store.hasUnsealed(ctx.db))
  if (isIdle && !isOfFormerKey(ctx, await store.findHeadMaybe(ctx.db))) return 0
  const link = await inTransaction(ctx.db, async (tx) => {
    if (!(await store.holdChain(tx))) return null
    const head = await store.findHeadMaybe(tx)
    const rows = await store.takeUnsealed(tx, rowsMax)
    if (rows.length === 0 && !isOfFormerKey(ctx, head)) return null
    const made = linkAfter(ctx, head, rows)
    await store.insertLink(tx, made)
    return made
  })
  if (!link) return 0
  // What stands in another place than the database shows that the end of the chain was cut off.
  ctx.log.info({ rows: link.ids.length, head: headText(link) }, 'the audit log was sealed')
  return link.ids.length
}

/** All that waits for its seal. */
export async function sealAll(ctx: Context): Promise<void> {
  while ((await seal(ctx)) > 0);
}

/** After a change of the master key an empty link under the new key vouches for all before it. */
function isOfFormerKey(ctx: Context, head: store.Link | undefined): boolean {
  if (!head) return false
  const text = signedText(head)
  const isSigned = (key: Buffer) => key.equals(head.signature)
  return !isSigned(ctx.secrets.hash(text)) && ctx.secrets.hashes(text).some(isSigned)
}

function linkAfter(ctx: Context, head: store.Link | undefined, rows: readonly store.WrittenRow[]): store.Link {
  const unsigned = {
    sequence: String(BigInt(head?.sequence ?? 0) + 1n),
    ids: rows.map(({ id }) => id),
    digests: Buffer.concat(rows.map(digestOf)),
    previous: head?.digest ?? genesis,
    // As the database shows it: with microseconds.
    sealedAt: ctx.clock.now().toISOString().replace('Z', '000'),
  }
  const digest = linkDigestOf(unsigned)
  return { ...unsigned, digest, signature: ctx.secrets.hash(signedText({ ...unsigned, digest })) }
}

const headText = ({ sequence, digest }: Pick<store.Link, 'sequence' | 'digest'>) =>
  `${sequence}:${digest.toString('hex')}`

/** What is not as it was written: of a row, or of a link itself. */
export interface Break {
  kind: 'altered' | 'missing' | 'inserted' | 'backdated' | 'link' | 'late'
  row: string | null
  link: string | null
  words: string
}

export interface Verdict {
  rows: number
  links: number
  /** `<sequence>:<digest>` of the last link: kept elsewhere, it shows later that nothing was cut off. */
  head: string | null
  unsealed: number
  oldest_unsealed_at: string | null
  /** Buyers' addresses that went with their erasure. */
  erased_addresses: number
  breaks: Break[]
}

const linksAtOnce = 20
const stretch = 50_000n
/** More are not told: whoever has that many looks elsewhere. */
const breaksMax = 50
/** Longer than any worker is away unnoticed; a sweep seals every few seconds. */
const sealedWithinMs = hourMs

/** `oldest`: since when the first row waits, by the database's clock. */
export const isSealedLate = (oldest: Date | null): boolean =>
  oldest !== null && Date.now() - oldest.getTime() > sealedWithinMs

/** Walks the whole chain and the whole log. `expected`: the head as it was once told. */
export async function verify(ctx: Context, expected: string | null): Promise<Verdict> {
  const walk = new Walk(ctx, expected)
  await walk.links()
  await walk.rest()
  return walk.verdict
}

class Walk {
  readonly #ctx: Context
  readonly #expected: string | null
  #last: store.Link | undefined
  /** The last link that a key of ours signed: it vouches for all before it. */
  #vouched = '0'
  #isExpectedSeen = false
  readonly verdict: Verdict = {
    ...{ rows: 0, links: 0, head: null, unsealed: 0, oldest_unsealed_at: null, erased_addresses: 0, breaks: [] },
  }

  constructor(ctx: Context, expected: string | null) {
    this.#ctx = ctx
    this.#expected = expected
  }

  #tell(kind: Break['kind'], row: string | null, link: string | null, words: string): void {
    if (this.verdict.breaks.length < breaksMax) this.verdict.breaks.push({ kind, row, link, words })
  }

  async links(): Promise<void> {
    for (;;) {
      const links = await store.listLinks(this.#ctx.db, this.#last?.sequence ?? '0', linksAtOnce)
      const rows = await store.listWritten(
        this.#ctx.db,
        links.flatMap(({ ids }) => ids),
      )
      const byId = new Map(rows.map((row) => [row.id, row]))
      for (const link of links) {
        this.#lookAtLink(link)
        this.#lookAtRows(link, byId)
        this.#last = link
      }
      if (links.length < linksAtOnce) break
    }
    if (this.#last) this.verdict.head = headText(this.#last)
    if (this.#last && this.#last.sequence !== this.#vouched) {
      this.#tell('link', null, this.#last.sequence, 'the links after it are signed by no master key that is known here')
    }
    if (this.#expected !== null && !this.#isExpectedSeen) {
      this.#tell('link', null, null, `the link ${this.#expected} is not there any more`)
    }
  }

  #lookAtLink(link: store.Link): void {
    const { sequence } = link
    const next = String(BigInt(this.#last?.sequence ?? 0) + 1n)
    this.verdict.links += 1
    if (sequence !== next) this.#tell('link', null, next, 'the link is missing')
    else if (!link.previous.equals(this.#last?.digest ?? genesis)) {
      this.#tell('link', null, sequence, 'the link follows another one than stands before it')
    }
    if (!linkDigestOf(link).equals(link.digest)) this.#tell('link', null, sequence, 'the link was altered')
    const text = signedText(link)
    if (this.#ctx.secrets.hashes(text).some((one) => one.equals(link.signature))) this.#vouched = sequence
    if (this.#expected !== null && sameText(headText(link), this.#expected)) this.#isExpectedSeen = true
  }

  #lookAtRows({ sequence, ids, digests }: store.Link, rows: ReadonlyMap<string, store.WrittenRow>): void {
    for (const [nth, id] of ids.entries()) {
      const row = rows.get(id)
      const sealed = digests.subarray(nth * digestLength, (nth + 1) * digestLength)
      this.verdict.rows += 1
      if (!row || row.action === null) this.#tell('missing', id, sequence, 'the row is missing')
      else if (!digestOf(row).equals(sealed)) this.#tell('altered', id, sequence, 'the row was altered')
      else this.#lookAtAddress(row, sequence)
      if (row?.is_backdated) this.#tell('backdated', id, sequence, 'the row says that it is older than it is')
    }
  }

  #lookAtAddress({ id, address, address_salt, address_digest, is_erased }: store.WrittenRow, link: string): void {
    if (address !== null) {
      const digest = sha256(`${address_salt}${address}`).toString('hex')
      if (digest !== address_digest) this.#tell('altered', id, link, 'the address of the row was altered')
    } else if (address_digest !== null) {
      if (is_erased) this.verdict.erased_addresses += 1
      else this.#tell('altered', id, link, 'the address of the row was taken, and no erasure did that')
    }
  }

  /** What no link holds: entered by whoever wrote it and waiting, or written past the trigger. */
  async rest(): Promise<void> {
    const { db } = this.#ctx
    const lastId = await store.findLastId(db)
    for (let from = 1n; from <= lastId; from += stretch) {
      for (const id of await store.listStrangers(db, from, from + stretch - 1n, breaksMax)) {
        this.#tell('inserted', id, null, 'the row was inserted past the record of new rows')
      }
    }
    for (const id of await store.listLost(db, breaksMax)) this.#tell('missing', id, null, 'the row is missing')
    const { count, oldest } = await store.countUnsealed(db)
    this.verdict.unsealed = count
    this.verdict.oldest_unsealed_at = oldest && wireTime(oldest)
    if (oldest && isSealedLate(oldest)) {
      this.#tell('late', null, null, `rows wait since ${wireTime(oldest)} for their seal: is a worker running?`)
    }
  }
}
