import { type Static, Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import type { FieldErrors } from '../../platform/errors.ts'
import { isCurrency } from '../../platform/money.ts'
import { isHttpUrl, withCheck } from '../../platform/validation.ts'
import { flag, flagInput, nullable, optionalText, text, time } from '../../platform/wire.ts'

export type EnvMode = 'test' | 'live'
export const envModes: readonly EnvMode[] = ['test', 'live']

export type KeyKind = 'secret' | 'public'
/** What a secret key may do. Everything that changes something and is neither a refund nor a payout is `payments`. */
export const scopes = ['payments', 'refunds', 'payouts', 'read'] as const
export type Scope = (typeof scopes)[number]

/** A key as it is shown: never the key itself, which is told once, when it is made. */
export interface ApiKey {
  readonly id: string
  readonly mode: EnvMode
  readonly kind: KeyKind
  readonly label: string
  /** Empty for a public key. */
  readonly scopes: readonly Scope[]
  /** Its beginning and its last four characters: enough to find the row of a key that turned up somewhere. */
  readonly hint: string
  readonly created_at: string
  readonly last_used_at: string | null
  /** Until when a rolled one still opens. */
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly replaced_by: string | null
}

export const envMode = Type.Union([Type.Literal('test'), Type.Literal('live')])

export const businessSchema = Type.Object({
  business_id: text,
  name: text,
  env_mode: envMode,
  business_category: optionalText,
  base_currency: text,
  logo: optionalText,
  webhook_url: optionalText,
  default_redirect_url: optionalText,
  enabled_webhooks: flag,
  send_subscription_mails: flag,
  deleted_at: nullable(time),
  created_at: time,
  updated_at: time,
})
export type BusinessBody = Static<typeof businessSchema>

export type OnOverpayment = 'keep' | 'refund'
export type OnUnderpayment = 'refund' | 'keep'
const onOverpayment = Type.Unsafe<OnOverpayment>({
  type: 'string',
  enum: ['keep', 'refund'],
  description: 'What becomes of what arrived beyond what was asked',
})
export type PublicKeySells = 'anything' | 'plans_and_links' | 'signed_amounts'
const publicKeySells = Type.Unsafe<PublicKeySells>({
  type: 'string',
  enum: ['anything', 'plans_and_links', 'signed_amounts'],
  description:
    'What a public key may open payments for: any amount, plans and links alone, or also amounts that come with an `amount_token`',
})
const onUnderpayment = Type.Unsafe<OnUnderpayment>({
  type: 'string',
  enum: ['refund', 'keep'],
  description: 'What becomes of less than was asked: given back, or kept until the rest is paid on another page',
})

/** The business as its own endpoint gives it: with the settings that the documented object does not have. */
export const ownBusinessSchema = Type.Object({
  ...businessSchema.properties,
  allowed_domains: Type.Array(text),
  refund_save_charges: flag,
  on_overpayment: onOverpayment,
  on_underpayment: onUnderpayment,
  public_key_sells: publicKeySells,
})

export const businessNameMaxLength = 200
const allowedDomainsMax = 50
/** A source of `frame-ancestors`: a host, with or without scheme and port, its first label may be `*`. */
const domainForm = /^(https?:\/\/)?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/i

function checkDomains(value: unknown): FieldErrors {
  if (!Array.isArray(value)) return {}
  const wrong = value.filter((one) => typeof one === 'string' && !domainForm.test(one))
  if (wrong.length === 0) return {}
  return { allowed_domains: [`Each must be a domain such as shop.example, *.shop.example or http://localhost:3000.`] }
}

/**
 * Whether a buyer may be sent there on a stranger's word. Live: to the sites that the business names, and to that of its
 * own `default_redirect_url`; a page of ours that leads anywhere would lend its name to anybody.
 */
export function mayRedirectTo(business: Business, address: string): boolean {
  if (business.envMode === 'test') return true
  const { defaultRedirectUrl: own, allowedDomains } = business
  const url = new URL(address)
  return (own !== null && new URL(own).origin === url.origin) || allowedDomains.some((one) => isOf(one, url))
}

function isOf(domain: string, url: URL): boolean {
  const [, scheme = 'https:', wildcard, host, port = ''] =
    /^(?:(https?:)\/\/)?(\*\.)?([^:]+)(?::(\d+))?$/i.exec(domain.toLowerCase()) ?? []
  // A port or a number that no address can have names no site.
  const named = URL.parse(`${scheme}//${host}${port && `:${port}`}`)
  if (named === null || url.protocol !== scheme || url.port !== named.port) return false
  return wildcard === undefined ? url.hostname === named.hostname : url.hostname.endsWith(`.${named.hostname}`)
}

/** Live, what a webhook says is sent over https alone. Field errors. */
export function checkWebhookAddress(envMode: EnvMode, field: string, address: string | undefined): FieldErrors {
  if (envMode === 'test' || !address || address.toLowerCase().startsWith('https:')) return {}
  return { [field]: [`The ${field} field must be an https address in live mode.`] }
}

/** An address; the empty text takes it away. */
const addressOrNone = Type.String({ maxLength: 2048, description: 'http(s) address; the empty text takes it away' })

export const updateBusinessSchema = withCheck(
  Type.Object({
    name: Type.Optional(Type.String({ format: 'visible', maxLength: businessNameMaxLength })),
    webhook_url: Type.Optional(addressOrNone),
    enabled_webhooks: Type.Optional(flagInput),
    default_redirect_url: Type.Optional(addressOrNone),
    send_subscription_mails: Type.Optional(flagInput),
    business_category: Type.Optional(Type.String({ maxLength: 100 })),
    base_currency: Type.Optional(Type.String({ description: 'ISO 4217' })),
    allowed_domains: Type.Optional(
      Type.Array(Type.String({ maxLength: 260 }), {
        maxItems: allowedDomainsMax,
        description: `Sites that may show the hosted checkout in a frame, and to which public keys may send buyers back, e.g. "shop.example",
"*.shop.example", "http://localhost:3000". In test mode every site may.`,
      }),
    ),
    refund_save_charges: Type.Optional(flagInput),
    on_overpayment: Type.Optional(onOverpayment),
    on_underpayment: Type.Optional(onUnderpayment),
    public_key_sells: Type.Optional(publicKeySells),
  }),
  (body) => {
    const errors: FieldErrors = {}
    for (const field of ['webhook_url', 'default_redirect_url']) {
      const value = body[field]
      if (typeof value === 'string' && value !== '' && !isHttpUrl(value)) {
        errors[field] = [`The ${field} field must be an http or https address without a user name or password.`]
      }
    }
    Object.assign(errors, checkCurrency(body, 'base_currency'), checkDomains(body.allowed_domains))
    return errors
  },
)
export type UpdateBusiness = Static<typeof updateBusinessSchema>

/** Field errors for a currency that ISO 4217 does not have. */
export function checkCurrency(body: Record<string, unknown>, field: string): FieldErrors {
  const value = body[field]
  if (value === undefined || (typeof value === 'string' && isCurrency(value))) return {}
  return { [field]: [`The ${field} field must be an ISO 4217 currency code in capital letters, e.g. NGN.`] }
}

export const testClockSchema = Type.Object({ now: time, offset_seconds: Type.Integer() })

/** A move at most: a mistyped year is no work of hours. */
export const advanceDaysMax = 3_660

export const advanceClockSchema = withCheck(
  Type.Object({
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: advanceDaysMax, description: 'Days from now' })),
    to: Type.Optional(Type.String({ format: 'date-time', description: 'ISO 8601' })),
  }),
  (body) =>
    (body.days === undefined) === (body.to === undefined)
      ? { days: ['Send either days or to.'], to: ['Send either days or to.'] }
      : {},
)
export type AdvanceClock = Static<typeof advanceClockSchema>

/** How channels are ordered when a payment names none. */
export type RouteBy = 'default_first' | 'success_rate'

export interface Business {
  readonly id: string
  readonly envMode: EnvMode
  readonly name: string
  readonly logo: string | null
  readonly businessCategory: string | null
  readonly baseCurrency: string
  readonly webhookUrl: string | null
  readonly enabledWebhooks: boolean
  readonly defaultRedirectUrl: string | null
  readonly sendSubscriptionMails: boolean
  /** Sites that may frame the hosted checkout. */
  readonly allowedDomains: readonly string[]
  readonly hookToken: string
  readonly routeBy: RouteBy
  /** Sums that were charged only to save a method go back by themselves. */
  readonly refundSaveCharges: boolean
  readonly onOverpayment: OnOverpayment
  readonly onUnderpayment: OnUnderpayment
  readonly publicKeySells: PublicKeySells
  readonly clockOffsetMs: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const presentBusiness = (business: Business): BusinessBody => ({
  business_id: business.id,
  name: business.name,
  env_mode: business.envMode,
  business_category: business.businessCategory,
  base_currency: business.baseCurrency,
  logo: business.logo,
  webhook_url: business.webhookUrl,
  default_redirect_url: business.defaultRedirectUrl,
  enabled_webhooks: business.enabledWebhooks ? 1 : 0,
  send_subscription_mails: business.sendSubscriptionMails ? 1 : 0,
  deleted_at: null,
  created_at: wireTime(business.createdAt),
  updated_at: wireTime(business.updatedAt),
})

export const presentOwnBusiness = (business: Business): Static<typeof ownBusinessSchema> => ({
  ...presentBusiness(business),
  allowed_domains: [...business.allowedDomains],
  refund_save_charges: business.refundSaveCharges ? 1 : 0,
  on_overpayment: business.onOverpayment,
  on_underpayment: business.onUnderpayment,
  public_key_sells: business.publicKeySells,
})
