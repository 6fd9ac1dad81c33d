/** Timers that end with the sandbox, and never keep a process alive by themselves. */
export class Timers {
  readonly #timers = new Set<NodeJS.Timeout>()
  #closed = false

  /** Runs `work` once the clock says `dueAt`. A timer alone may come a millisecond early, and what is due would not be. */
  at(dueAt: number, work: () => void): void {
    if (this.#closed) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        if (Date.now() < dueAt) this.at(dueAt, work)
        else work()
      },
      Math.max(0, dueAt - Date.now()),
    )
    timer.unref()
    this.#timers.add(timer)
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
