import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'

/** One change: collection, id, the whole new document (null = gone). */
type Change = [collection: string, id: string, document: unknown]

/** Below this many lines a rewrite of the journal is not worth its time. */
const COMPACT_LINES_MIN = 20_000
/** Rewrite once the journal holds this many times more lines than there are documents. */
const COMPACT_RATIO = 4

/** Documents by id, in memory, with indexes. A document is never changed in place: put a new one. */
export class Collection<T> {
  readonly #name: string
  readonly #documents: Map<string, T>
  readonly #keyOf: Record<string, (document: T) => string>
  readonly #indexes = new Map<string, Map<string, Set<string>>>()
  readonly #record: (change: Change) => void

  constructor(
    name: string,
    documents: Map<string, T>,
    keyOf: Record<string, (document: T) => string>,
    record: (change: Change) => void,
  ) {
    this.#name = name
    this.#documents = documents
    this.#keyOf = keyOf
    this.#record = record
    for (const index of Object.keys(keyOf)) this.#indexes.set(index, new Map())
    for (const [id, document] of documents) this.#addToIndexes(id, document)
  }

  get(id: string): T | undefined {
    return this.#documents.get(id)
  }

  /** Every document whose index key is this, oldest first. */
  by(index: string, key: string): T[] {
    const ids = this.#indexes.get(index)?.get(key) ?? new Set<string>()
    return [...ids].map((id) => this.#documents.get(id)!)
  }

  all(): T[] {
    return [...this.#documents.values()]
  }

  put(id: string, document: T): T {
    this.#removeFromIndexes(id)
    this.#documents.set(id, document)
    this.#addToIndexes(id, document)
    this.#record([this.#name, id, document])
    return document
  }

  remove(id: string): void {
    if (!this.#documents.has(id)) return
    this.#removeFromIndexes(id)
    this.#documents.delete(id)
    this.#record([this.#name, id, null])
  }

  clear(): void {
    for (const id of [...this.#documents.keys()]) this.remove(id)
  }

  #addToIndexes(id: string, document: T): void {
    for (const [index, keys] of this.#indexes) {
      const key = this.#keyOf[index]!(document)
      const ids = keys.get(key)
      if (ids) ids.add(id)
      else keys.set(key, new Set([id]))
    }
  }

  #removeFromIndexes(id: string): void {
    const document = this.#documents.get(id)
    if (document === undefined) return
    for (const [index, keys] of this.#indexes) {
      const key = this.#keyOf[index]!(document)
      const ids = keys.get(key)
      ids?.delete(id)
      if (ids?.size === 0) keys.delete(key)
    }
  }
}

/**
 * All state of the sandbox: maps in memory, and a journal of JSON lines beside them. A line is one `write`,
 * handed to the operating system before the caller is answered, so a killed process loses nothing that it
 * acknowledged. It does not fsync: a power cut is not what tests do.
 */
export class Store {
  readonly #documents = new Map<string, Map<string, unknown>>()
  readonly #file: string | undefined
  #descriptor: number | undefined
  #lines = 0
  #batch: Change[] | undefined

  constructor(file?: string) {
    this.#file = file
    if (file === undefined) return
    if (existsSync(file)) this.#replay(file)
    // 0600: the accounts in it hold secret keys, if only test ones.
    this.#descriptor = openSync(file, 'a', 0o600)
    this.#compactWhenLarge()
  }

  collection<T>(name: string, indexes: Record<string, (document: T) => string> = {}): Collection<T> {
    return new Collection<T>(name, this.#mapOf(name) as Map<string, T>, indexes, (change) => this.#record(change))
  }

  /** Everything put in `work` becomes one line: after a crash all of it is there, or none. */
  write<R>(work: () => R): R {
    if (this.#batch) return work()
    const batch: Change[] = []
    this.#batch = batch
    try {
      return work()
    } finally {
      this.#batch = undefined
      // Also when `work` threw: memory has changed, and the journal must say the same.
      if (batch.length > 0) this.#append(batch)
    }
  }

  close(): void {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #mapOf(name: string): Map<string, unknown> {
    const found = this.#documents.get(name)
    if (found) return found
    const made = new Map<string, unknown>()
    this.#documents.set(name, made)
    return made
  }

  #record(change: Change): void {
    if (this.#batch) this.#batch.push(change)
    else this.#append([change])
  }

  #append(changes: Change[]): void {
    if (this.#descriptor === undefined) return
    writeWhole(this.#descriptor, `${JSON.stringify(changes)}\n`)
    this.#lines += 1
    this.#compactWhenLarge()
  }

  #replay(file: string): void {
    const bytes = readFileSync(file)
    const end = bytes.lastIndexOf(10) + 1
    for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
      if (line === '') continue
      this.#lines += 1
      for (const [name, id, document] of JSON.parse(line) as Change[]) {
        if (document === null) this.#mapOf(name).delete(id)
        else this.#mapOf(name).set(id, document)
      }
    }
    // A last line without its end was never acknowledged; cut it off, or the next one would be glued to it.
    if (end < bytes.length) truncate(file, end)
  }

  #compactWhenLarge(): void {
    if (this.#file === undefined || this.#lines < COMPACT_LINES_MIN) return
    let documents = 0
    for (const map of this.#documents.values()) documents += map.size
    if (this.#lines < documents * COMPACT_RATIO) return
    const fresh = `${this.#file}.new`
    const descriptor = openSync(fresh, 'w', 0o600)
    for (const [name, map] of this.#documents) {
      for (const [id, document] of map) writeWhole(descriptor, `${JSON.stringify([[name, id, document]])}\n`)
    }
    fsyncSync(descriptor)
    closeSync(descriptor)
    renameSync(fresh, this.#file)
    this.close()
    this.#descriptor = openSync(this.#file, 'a', 0o600)
    this.#lines = documents
  }
}

function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
}

function truncate(file: string, length: number): void {
  const descriptor = openSync(file, 'r+')
  ftruncateSync(descriptor, length)
  closeSync(descriptor)
}
