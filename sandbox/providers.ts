import { flutterwave } from './flutterwave/index.ts'
import { paystack } from './paystack/index.ts'
import type { ProviderEntry } from './provider.ts'
import { stripe } from './stripe/index.ts'

/** Every provider that is emulated: one line each. */
export const providers: readonly ProviderEntry[] = [paystack, flutterwave, stripe]
