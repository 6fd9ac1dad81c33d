import type { Logger } from './log.ts'
import type { Queue } from './queue.ts'

/**
 * Work of many owners side by side in one process: so many places altogether, of one owner only so many at once. There are
 * no rounds: a place that falls free is given away at once, so that whoever is slow keeps nobody else waiting.
 */

export interface Free {
  /** Places altogether that may be taken now. */
  readonly free: number
  /** What is at work, by its owner. */
  readonly running: ReadonlyMap<string, number>
}

export interface Work<Item> {
  /** For the log. */
  readonly name: string
  readonly placesMax: number
  /** Takes due items, at most `free` and none of an owner beyond his share; none: nothing due has a place. */
  readonly claim: (free: Free) => Promise<readonly Item[]>
  readonly ownerOf: (item: Item) => string
  readonly run: (item: Item) => Promise<void>
}

export class Places<Item> {
  readonly #work: Work<Item>
  readonly #queue: Queue
  readonly #log: Logger
  readonly #running = new Map<string, number>()
  /** Claims and items under way, with how many items had been begun before. */
  readonly #active = new Map<Promise<unknown>, number>()
  #taken = 0
  #begun = 0
  #isFilling = false
  #isAskedAgain = false

  constructor(work: Work<Item>, queue: Queue, log: Logger) {
    this.#work = work
    this.#queue = queue
    this.#log = log
  }

  /** Gives every free place to what is due; resolves when that has begun, or where somebody else is about it. */
  async fill(): Promise<void> {
    this.#isAskedAgain = true
    if (this.#isFilling) return
    this.#isFilling = true
    try {
      while (this.#isAskedAgain && !this.#queue.isStopping) {
        this.#isAskedAgain = false
        // Where there is none, whoever gives one back asks again.
        if (this.#taken < this.#work.placesMax) await this.#keep(this.#claim())
      }
    } finally {
      this.#isFilling = false
    }
  }

  /** The same, and resolves when nothing that began since is under way any more; gives how many began. */
  async settle(): Promise<number> {
    const before = this.#begun
    await this.fill()
    for (;;) {
      const since = [...this.#active].filter(([, begun]) => begun >= before).map(([promise]) => promise)
      if (since.length === 0) return this.#begun - before
      await Promise.race(since)
    }
  }

  async #claim(): Promise<void> {
    const free = this.#work.placesMax - this.#taken
    const items = await this.#work.claim({ free, running: this.#running })
    for (const item of items) this.#begin(item)
    if (items.length > 0) this.#isAskedAgain = true
  }

  #begin(item: Item): void {
    const owner = this.#work.ownerOf(item)
    this.#running.set(owner, (this.#running.get(owner) ?? 0) + 1)
    this.#taken += 1
    const done = this.#keep(this.#work.run(item).finally(() => this.#giveBack(owner)))
    this.#begun += 1
    done.catch((error: unknown) => {
      this.#log.error(
        { work: this.#work.name, error: String(error) },
        'work failed; it is due again when its hold ends',
      )
    })
  }

  #giveBack(owner: string): void {
    const left = (this.#running.get(owner) ?? 0) - 1
    if (left > 0) this.#running.set(owner, left)
    else this.#running.delete(owner)
    this.#taken -= 1
    this.#keep(this.fill()).catch((error: unknown) => {
      this.#log.error({ work: this.#work.name, error: String(error) }, 'nothing could be claimed; the sweep goes on')
    })
  }

  /** What is under way here also keeps the queue from ending before it. */
  #keep<T>(promise: Promise<T>): Promise<T> {
    this.#active.set(promise, this.#begun)
    return this.#queue.track(promise).finally(() => this.#active.delete(promise))
  }
}
