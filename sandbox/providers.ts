import { paystack } from './paystack/index.ts'
import type { ProviderEntry } from './provider.ts'

/** Every provider that is emulated: one line each. */
export const providers: readonly ProviderEntry[] = [paystack]
