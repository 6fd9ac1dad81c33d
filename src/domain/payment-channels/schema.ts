import { type Static, Type } from 'typebox'
import type { Channel } from '../../channels/channel.ts'
import { wireTime } from '../../platform/clock.ts'
import { flag, text, time } from '../../platform/wire.ts'
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
  logo: `${baseUrl}/payment_channels/${channel.displayName}.svg`,
  logo_full: `${baseUrl}/payment_channels/${channel.displayName}-Full.svg`,
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
