import type { Context } from '../../platform/context.ts'
import { readSignedId, signId } from '../../platform/signed.ts'

/** The address of a request's hosted checkout: its token opens this one request. */

export const checkoutToken = (ctx: Context, requestId: string): string => signId(ctx.secrets, 'checkout', requestId)

export const checkoutUrl = (ctx: Context, requestId: string): string =>
  `${ctx.baseUrl}/checkout/${checkoutToken(ctx, requestId)}`

/** The link for sharing; whoever has it may pay. */
export const payUrl = (ctx: Context, ref: string): string => `${ctx.baseUrl}/pay/${ref}`

/** The request that a token opens; null for what is no token of ours. */
export const readCheckoutToken = (ctx: Context, token: string): string | null =>
  readSignedId(ctx.secrets, 'checkout', token)
