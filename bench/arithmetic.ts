/** The arithmetic of the measurements, apart so that a test can hold it still. */

/**
 * Nearest-rank percentile: the least value that at least `share` of all values do not exceed. `share` from 0 to 1.
 * NaN for no values: a measurement that did not happen is never a zero.
 */
export function percentile(values: readonly number[] | Float64Array, share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).sort()
  const rank = Math.ceil(share * sorted.length)
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1] as number
}

/** The middle value; of an even number the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).sort()
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

export interface Ratio {
  /** Median of the rounds' ratios. */
  value: number
  least: number
  greatest: number
}

/**
 * Subject ÷ floor, round by round: the two of one round ran one after the other, so that what else the machine did
 * at that time hits both. Rounds without a floor are left out.
 */
export function ratioOf(rounds: readonly { subject: number; floor: number }[]): Ratio {
  const ratios = rounds.filter((round) => round.floor > 0).map((round) => round.subject / round.floor)
  return { value: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) }
}

/** All values of several rounds in one list. */
export const pooled = (rounds: readonly { latenciesMs: Float64Array }[]): number[] =>
  rounds.flatMap((round) => [...round.latenciesMs])

/** One value of a log-normal distribution that is known by its median and its 99th percentile. `uniform` is in (0, 1). */
export function logNormal(medianMs: number, p99Ms: number, uniform: () => number): number {
  /** The standard normal distribution's 99th percentile. */
  const z99 = 2.3263478740408408
  const sigma = Math.log(p99Ms / medianMs) / z99
  // Box–Muller.
  const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return medianMs * Math.exp(sigma * normal)
}
