import { flutterwave } from './flutterwave/index.ts'
import { paystack } from './paystack/index.ts'
import type { ProviderEntry } from './provider.ts'
import { stripe } from './stripe/index.ts'

const added = new Map<string, ProviderEntry>()

/** Has every sandbox that is made from now on emulate this provider. Throws where its slug is taken. */
export function addProvider(entry: ProviderEntry): void {
  if (added.has(entry.slug)) throw new Error(`two providers are called ${entry.slug}`)
  added.set(entry.slug, entry)
}

// One line for each provider that is emulated.
addProvider(paystack)
addProvider(flutterwave)
addProvider(stripe)

/** In the order in which they were added. */
export const listProviders = (): ProviderEntry[] => [...added.values()]
