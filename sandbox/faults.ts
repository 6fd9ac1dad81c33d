export const OPERATIONS = [
  ...['open', 'verify', 'void', 'charge', 'forget', 'refund', 'fetch_refund', 'payout', 'fetch_payout'],
  ...['banks', 'resolve'],
] as readonly Operation[]

/** What a call is for, the same word at every provider. Webhooks count as `charge`, `refund` or `payout`. */
export type Operation =
  | 'open'
  | 'verify'
  | 'void'
  | 'charge'
  | 'forget'
  | 'refund'
  | 'fetch_refund'
  | 'payout'
  | 'fetch_payout'
  | 'banks'
  | 'resolve'

export const CALL_FAULTS = ['latency', 'status', 'drop_before', 'drop_after'] as const
export const WEBHOOK_FAULTS = [
  'webhook_lost',
  'webhook_twice',
  'webhook_late',
  'webhook_forged',
  'webhook_shuffled',
] as const

/** What the answers of `verify` tell. */
export const ANSWER_FAULTS = ['api_behind'] as const

export type FaultKind = (typeof CALL_FAULTS)[number] | (typeof WEBHOOK_FAULTS)[number] | (typeof ANSWER_FAULTS)[number]

export interface Fault {
  id: number
  kind: FaultKind
  /** Absent: every channel. */
  channel?: string
  /** Absent: every operation. */
  operation?: Operation
  ms?: number
  /** HTTP status of the kind `status`. */
  status?: number
  /** Probability, 0…1. */
  rate: number
  /** How often it may still happen; null: without end. */
  times: number | null
}

/** What shall go wrong. Kept in memory only: a restart heals. */
export class Faults {
  #faults: Fault[] = []
  #lastId = 0

  add(fault: Omit<Fault, 'id'>): Fault {
    this.#lastId += 1
    const added = { id: this.#lastId, ...fault }
    this.#faults.push(added)
    return added
  }

  list(): Fault[] {
    return this.#faults.map((fault) => ({ ...fault }))
  }

  clear(): void {
    this.#faults = []
  }

  /** Whether an answer tells what was before the success of this time: for `ms` after it, so many `times`. */
  isBehind(channel: string, succeededAt: number): boolean {
    const isYoung = ({ ms }: Fault) => ms === undefined || Date.now() < succeededAt + ms
    return this.take(ANSWER_FAULTS, channel, 'verify', isYoung).length > 0
  }

  /** The faults of these kinds that happen now; each uses up one of its times. */
  take(
    kinds: readonly FaultKind[],
    channel: string,
    operation: Operation,
    happens: (fault: Fault) => boolean = () => true,
  ): Fault[] {
    if (this.#faults.length === 0) return []
    const taken = this.#faults.filter((fault) => {
      if (!kinds.includes(fault.kind) || !happens(fault)) return false
      if (fault.channel !== undefined && fault.channel !== channel) return false
      if (fault.operation !== undefined && fault.operation !== operation) return false
      return Math.random() < fault.rate
    })
    for (const fault of taken) if (fault.times !== null) fault.times -= 1
    this.#faults = this.#faults.filter((fault) => fault.times !== 0)
    return taken
  }
}
