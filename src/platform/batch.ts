import { isUncertain } from './faults.ts'

/**
 * Items that come while others are under way go together in the next run: under load one statement does the work of
 * many; alone, an item waits for nobody. `run` gives one result for each item, in order; when it throws, each item of a
 * batch of several runs again alone, so that nobody fails for another's mistake. (`run` must have done nothing then: where
 * that is uncertain, because the database went away, all of them are told so.)
 */
export function createBatcher<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  limits: { itemsMax: number; runsMax: number },
): (item: Item) => Promise<Result> {
  const waiting: { item: Item; settle: PromiseWithResolvers<Result> }[] = []
  let runs = 0

  async function runNext(): Promise<void> {
    runs += 1
    while (waiting.length > 0) await settleAll(waiting.splice(0, limits.itemsMax))
    runs -= 1
  }

  async function settleAll(batch: typeof waiting): Promise<void> {
    try {
      const results = await run(batch.map((one) => one.item))
      for (const [index, { settle }] of batch.entries()) settle.resolve(results[index] as Result)
    } catch (error) {
      const [, ...others] = batch
      if (others.length === 0 || isUncertain(error)) for (const one of batch) one.settle.reject(error)
      else for (const one of batch) await settleAll([one])
    }
  }

  return (item) => {
    const settle = Promise.withResolvers<Result>()
    waiting.push({ item, settle })
    if (runs < limits.runsMax) void runNext()
    return settle.promise
  }
}
