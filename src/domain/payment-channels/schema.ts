import { type Static, Type } from 'typebox'
import { leastOf } from '../../channels/carry.ts'
import type { Channel } from '../../channels/channel.ts'
import { wireTime } from '../../platform/clock.ts'
import { exponentOf, formatAmount } from '../../platform/money.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { flag, optionalText, text, time } from '../../platform/wire.ts'
import { type Business, businessSchema, type EnvMode, presentBusiness } from '../businesses/schema.ts'

export const paymentChannelSchema = Type.Object({
  slug: text,
  display_name: text,
  summary: text,
  logo: text,
  logo_full: text,
  theme_color: text,
})
export type PaymentChannelBody = Static<typeof paymentChannelSchema>

export const businessPaymentChannelSchema = Type.Object({
  is_enabled: flag,
  payment_channel_slug: text,
  is_default: flag,
  created_at: time,
  updated_at: time,
  webhook_url: text,
  payment_channel: paymentChannelSchema,
  business: businessSchema,
})
export type BusinessPaymentChannelBody = Static<typeof businessPaymentChannelSchema>

/** A business's account at a channel, without its credentials. */
export interface ConnectedChannel {
  readonly id: string
  readonly businessId: string
  readonly envMode: EnvMode
  readonly slug: string
  readonly isEnabled: boolean
  readonly isDefault: boolean
  readonly isSandbox: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const presentChannel = (channel: Channel, baseUrl: string): PaymentChannelBody => ({
  slug: channel.slug,
  display_name: channel.displayName,
  summary: channel.summary,
  logo: `${baseUrl}/payment_channels/${encodeURIComponent(channel.displayName)}.svg`,
  logo_full: `${baseUrl}/payment_channels/${encodeURIComponent(channel.displayName)}-Full.svg`,
  theme_color: channel.themeColor,
})

/** Where the provider sends its webhooks for this business and mode. */
export const hookUrl = (baseUrl: string, business: Business, slug: string) =>
  `${baseUrl}/v1/system/hooks/${business.hookToken}/${slug}`

export const presentConnected = (
  connected: ConnectedChannel,
  channel: Channel,
  business: Business,
  baseUrl: string,
): BusinessPaymentChannelBody => ({
  is_enabled: connected.isEnabled ? 1 : 0,
  payment_channel_slug: connected.slug,
  is_default: connected.isDefault ? 1 : 0,
  created_at: wireTime(connected.createdAt),
  updated_at: wireTime(connected.updatedAt),
  webhook_url: hookUrl(baseUrl, business, connected.slug),
  payment_channel: presentChannel(channel, baseUrl),
  business: presentBusiness(business),
})

/** What a channel can do, read off its adapter: an absent method is a thing it cannot do. */
export const capabilitiesSchema = Type.Object({
  ...paymentChannelSchema.properties,
  currencies: Type.Array(Type.Object({ currency: text, minimum: text, minimum_to_save: text, maximum: optionalText })),
  maximum: optionalText,
  can_save: flag,
  can_refund: flag,
  can_void: flag,
  is_connected: flag,
  is_enabled: flag,
  is_default: flag,
  webhook_url: optionalText,
})
export const capabilitiesListSchema = Type.Object({ payment_channels: paginatorSchema(capabilitiesSchema) })

/** Whole major units that no currency's greatest amount is below; null where none is published. */
function maximumEverywhere({ limits }: Channel): string | null {
  const most = Object.entries(limits.currencies).flatMap(([currency, { payMaxMinor }]) =>
    payMaxMinor === null ? [] : [payMaxMinor / 10n ** BigInt(exponentOf(currency) ?? 0)],
  )
  return most.length === 0 ? null : most.reduce((a, b) => (b < a ? b : a)).toString()
}

export const presentCapabilities = (
  channel: Channel,
  connected: ConnectedChannel | undefined,
  business: Business,
  baseUrl: string,
): Static<typeof capabilitiesSchema> => ({
  ...presentChannel(channel, baseUrl),
  currencies: Object.entries(channel.limits.currencies).map(([currency, limit]) => ({
    currency,
    minimum: formatAmount(limit.payMinor, currency),
    minimum_to_save: formatAmount(leastOf(limit, true), currency),
    maximum: limit.payMaxMinor === null ? null : formatAmount(limit.payMaxMinor, currency),
  })),
  maximum: maximumEverywhere(channel),
  can_save: channel.chargeSaved ? 1 : 0,
  can_refund: channel.refund ? 1 : 0,
  can_void: channel.voidCheckout ? 1 : 0,
  is_connected: connected ? 1 : 0,
  is_enabled: connected?.isEnabled ? 1 : 0,
  is_default: connected?.isDefault ? 1 : 0,
  webhook_url: connected ? hookUrl(baseUrl, business, channel.slug) : null,
})
