import { randomHex } from '../platform/ids.ts'
import type { Channel } from './channel.ts'
import { flutterwave } from './flutterwave/index.ts'
import { samplesOf } from './kit/credentials.ts'
import { paystack } from './paystack/index.ts'
import { stripe } from './stripe/index.ts'

const added = new Map<string, Channel>()

/** A slug stands in addresses, in rows, and in capitals in the name of an environment variable. */
const slugForm = /^[a-z][a-z0-9_]{1,30}$/

/** Makes a channel one that a business can connect. Throws where its slug is taken, or cannot stand where slugs do. */
export function addChannel(channel: Channel): void {
  const { slug } = channel
  if (!slugForm.test(slug)) throw new Error(`${slug} is no slug`)
  if (added.has(slug)) throw new Error(`two channels are called ${slug}`)
  added.set(slug, channel)
}

// One line each, in the order in which they are offered; see CONTRIBUTING.md, "Add a channel".
addChannel(paystack)
addChannel(flutterwave)
addChannel(stripe)

/** Every channel there is, in the order in which they were added. */
export const listChannels = (): Channel[] => [...added.values()]

/** For a slug that a stranger sent: null where there is no such channel. */
export const findChannelMaybe = (slug: string): Channel | null => added.get(slug) ?? null

/** For a slug that we stored ourselves; throws where there is no such channel. */
export function findChannel(slug: string): Channel {
  const channel = findChannelMaybe(slug)
  if (!channel) throw new Error(`no channel is called ${slug}`)
  return channel
}

/** Credentials that only the sandbox takes, new ones each time. */
export const sandboxCredentials = ({ credentialFields }: Channel): Record<string, string> =>
  samplesOf(credentialFields, () => randomHex(16))

/** Slug → colour, for pages that show a channel. */
export const themeColors = (): Record<string, string> =>
  Object.fromEntries(listChannels().map(({ slug, themeColor }) => [slug, themeColor]))
