import type { Context } from '../../platform/context.ts'
import { refreshRequest } from '../attempts/service.ts'
import type { Caller } from '../businesses/service.ts'
import { findMaybeAccount, publicError } from '../payment-channels/service.ts'
import type { FullRequest } from '../payment-requests/schema.ts'
import { findId, load } from '../payment-requests/service.ts'

/** Asks the channel now. Throws 503/502 when it does not say. */
export async function verify(ctx: Context, caller: Caller, ref: string): Promise<FullRequest> {
  const requestId = await findId(ctx, caller, ref)
  const { silent } = await refreshRequest(ctx, requestId)
  if (silent) {
    const account = await findMaybeAccount(ctx, caller, silent.attempt.payment_channel_slug)
    if (account) throw publicError(account, silent.error)
    throw silent.error
  }
  return await load(ctx, requestId)
}
