import type { Context } from '../../platform/context.ts'
import { sameText } from '../../platform/secrets.ts'

/**
 * The address of a request's hosted checkout. Its token is the request's id and a keyed hash of it: it opens this one
 * request, cannot be guessed or changed into another's, and needs no column of its own.
 */

/** 128 bits: more than anybody can try. */
const macBytes = 16

export function checkoutToken(ctx: Context, requestId: string): string {
  const id = Buffer.from(requestId.replaceAll('-', ''), 'hex')
  return Buffer.concat([id, macOf(ctx, requestId)]).toString('base64url')
}

export const checkoutUrl = (ctx: Context, requestId: string): string =>
  `${ctx.baseUrl}/checkout/${checkoutToken(ctx, requestId)}`

/** The link for sharing; whoever has it may pay. */
export const payUrl = (ctx: Context, ref: string): string => `${ctx.baseUrl}/pay/${ref}`

/** The request that a token opens; null for what is no token of ours. */
export function readCheckoutToken(ctx: Context, token: string): string | null {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length !== 16 + macBytes) return null
  const hex = bytes.subarray(0, 16).toString('hex')
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  return sameText(checkoutToken(ctx, id), token) ? id : null
}

const macOf = (ctx: Context, requestId: string) => ctx.secrets.hash(`checkout/${requestId}`).subarray(0, macBytes)
