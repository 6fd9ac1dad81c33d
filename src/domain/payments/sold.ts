import { createHmac } from 'node:crypto'
import type { Context } from '../../platform/context.ts'
import { type FieldErrors, invalid } from '../../platform/errors.ts'
import { parseAmount } from '../../platform/money.ts'
import { sameText } from '../../platform/secrets.ts'
import { mayRedirectTo } from '../businesses/schema.ts'
import { type Caller, isStranger } from '../businesses/service.ts'
import { secretsOfBusiness } from '../webhooks/service.ts'
import type { InitiateBody } from './schema.ts'

/** What a business lets a stranger's payment be: for how much, and where its buyer goes afterwards. */

/** Throws 422 for what the business does not sell to whoever has its public key. */
export async function requireSold(ctx: Context, caller: Caller, body: InitiateBody): Promise<void> {
  if (!isStranger(caller.actor.kind)) return
  const errors = { ...foreignSites(caller, body), ...(await unsold(ctx, caller, body)) }
  if (Object.keys(errors).length > 0) throw invalid(errors)
}

/** Addresses to which a stranger may send nobody. */
function foreignSites({ business }: Caller, body: InitiateBody): FieldErrors {
  const errors: FieldErrors = {}
  for (const field of ['success_redirect_url', 'failure_redirect_url', 'cancel_redirect_url'] as const) {
    const address = body[field]
    if (address == null || mayRedirectTo(business, address)) continue
    errors[field] = ['A public key sends buyers to sites in allowed_domains alone: add this one with PUT /v1/business.']
  }
  return errors
}

async function unsold(ctx: Context, caller: Caller, body: InitiateBody): Promise<FieldErrors> {
  const { publicKeySells } = caller.business
  const namesPlan = body.subscription_plan_uuid !== undefined || body.subscription_plan_link !== undefined
  // A link is made by the business, with its price.
  if (namesPlan || caller.actor.kind === 'link') return {}
  if (publicKeySells === 'plans_and_links') {
    return { subscription_plan_uuid: ['This business sells plans alone by its public key: name one.'] }
  }
  if (body.amount_token === undefined) {
    const words = 'This business takes amounts by its public key that its server signed: send an amount_token.'
    return publicKeySells === 'signed_amounts' ? { amount_token: [words] } : {}
  }
  const words = await whyNotSigned(ctx, caller, body, body.amount_token)
  return words === null ? {} : { amount_token: [words] }
}

const tokenForm = /^([\w-]+)\.([\w-]+)\.([\w-]{43})$/

/**
 * Why the token does not stand for this body; null: it does. A JSON Web Token (RFC 7519), HS256 with the text of the
 * business's own webhook secret as its key; claims `amount`, `currency`, `reference`, `exp`. A reference is taken once, so
 * a token pays once.
 */
async function whyNotSigned(ctx: Context, caller: Caller, body: InitiateBody, token: string): Promise<string | null> {
  const [, head = '', claims = '', signature = ''] = tokenForm.exec(token) ?? []
  const secrets = await secretsOfBusiness(ctx, caller)
  const isOurs = secrets.some((secret) =>
    sameText(createHmac('sha256', secret).update(`${head}.${claims}`).digest('base64url'), signature),
  )
  if (signature === '' || !isOurs || readPart(head).alg !== 'HS256') {
    return "The amount_token was not signed (JWT, HS256) with this business's webhook secret of this mode."
  }
  const { amount, currency, reference, exp } = readPart(claims)
  // Real time, as whoever signs it has.
  if (typeof exp !== 'number' || exp * 1000 <= Date.now()) return 'The amount_token has ended, or has no exp.'
  const asked = body.currency ?? caller.business.baseCurrency
  if (currency !== asked) return 'The amount_token is for another currency.'
  const [signed, wanted] = [parseAmount(amount, asked), parseAmount(body.amount, asked)]
  if (!signed.ok || !wanted.ok || signed.amountMinor !== wanted.amountMinor) {
    return 'The amount_token is for another amount.'
  }
  if (typeof reference !== 'string' || reference !== body.reference) return 'The amount_token is for another reference.'
  return null
}

function readPart(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
