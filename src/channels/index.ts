import type { Channel } from './channel.ts'
import { flutterwave } from './flutterwave/index.ts'
import { paystack } from './paystack/index.ts'
import { stripe } from './stripe/index.ts'

/** Every channel there is, in the order in which they are offered. */
export const channels: readonly Channel[] = [
  // One line each; see CONTRIBUTING.md, "Add a channel".
  paystack,
  flutterwave,
  stripe,
]

/** For a slug that a stranger sent: null where there is no such channel. */
export function findChannelMaybe(slug: string): Channel | null {
  return channels.find((channel) => channel.slug === slug) ?? null
}

/** For a slug that we stored ourselves; throws where there is no such channel. */
export function findChannel(slug: string): Channel {
  const channel = findChannelMaybe(slug)
  if (!channel) throw new Error(`no channel is called ${slug}`)
  return channel
}

/** Names of the fields that connecting this channel takes. */
export const credentialFieldsOf = (slug: string): string[] =>
  (findChannelMaybe(slug)?.credentialFields ?? []).map((field) => field.name)
