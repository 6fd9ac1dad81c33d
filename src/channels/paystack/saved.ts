import { type Channel, ChannelError, type ChannelTransport, type ChargedSaved, type SavedCharge } from '../channel.ts'
import { isHardRefusal, unusable } from '../kit/declines.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { callPaystack, type PaystackCredentials } from './api.ts'
import { textOf, toPayment, toWire, unknownPayment } from './translate.ts'

/** Charging and forgetting authorizations ("Recurring charges" and its two-factor sample, read 2026-11-20). */

type Forgetting = NonNullable<Channel<PaystackCredentials>['forgetSaved']>

/**
 * A decline is 200 with `data.status: "failed"`; a payer who is wanted back 200 with `paused` and no status at all.
 * There is no key against a second charge but the reference: one that was used already may have moved money, so
 * that refusal is `unknown`, and verifying tells.
 */
export async function chargeSaved(
  charge: SavedCharge,
  credentials: PaystackCredentials,
  transport: ChannelTransport,
): Promise<ChargedSaved> {
  const path = '/transaction/charge_authorization'
  const call = {
    method: 'POST',
    path,
    body: toChargeBody(charge),
    moves: true,
    secrets: [charge.method.token],
  } as const
  try {
    const answer = await callPaystack(transport, credentials, call)
    const charged = toCharged(answer.data, charge.reference)
    if (!charged) throw answer.garbage()
    return charged
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === null) throw error
    if (deadToken.test(refusal.message)) return unusable(charge.reference, 'refused', refusal.message)
    if (refusal.isDuplicate) throw unknown(error as ChannelError)
    throw error
  }
}

/** A code that Paystack does not have, or no more, is forgotten already (404). */
export const forgetSaved: Forgetting = async ({ token }, credentials, transport) => {
  const path = '/customer/authorization/deactivate'
  const body = { authorization_code: token }
  try {
    await callPaystack(transport, credentials, { method: 'POST', path, body, moves: false, secrets: [token] })
  } catch (error) {
    if (!/^authorization code not found|has been deactivated/i.test(refusalOf(error)?.message ?? '')) throw error
  }
}

/** The e-mail is the one that the authorization was made with; with another Paystack does not know it. */
export function toChargeBody({ reference, amountMinor, currency, method }: SavedCharge): Json {
  return {
    email: method.email,
    amount: toWire(amountMinor, currency),
    currency,
    authorization_code: method.token,
    reference,
  }
}

/** The answer of `POST /transaction/charge_authorization`. Null for what cannot be read, and for another's pause. */
export function toCharged(data: unknown, reference: string): ChargedSaved | null {
  const answer = objectOf(data)
  if (answer?.paused === true) return toPaused(answer, reference)
  const payment = toPayment(data)
  if (!payment) return null
  const isHardDecline = payment.status === 'failed' && isHardRefusal(payment.reason)
  return { payment, channelReference: reference, payerNeeded: false, actionUrl: null, isHardDecline }
}

function toPaused(answer: Json, reference: string): ChargedSaved | null {
  const url = textOf(answer.authorization_url)
  if (answer.reference !== reference || url === null) return null
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return null
  const payment = { ...unknownPayment, channelStatus: 'paused', reference }
  return { payment, channelReference: reference, payerNeeded: true, actionUrl: url, isHardDecline: false }
}

/**
 * The token is gone, of another e-mail, or was never good for this; nothing was tried. Words of Paystack's error page
 * (developers.paystack.co/docs/errors, read 2026-11-20).
 */
const deadToken = /^(?:authorization code does not exist or has been deactivated|this authorization is not reusable)/i

/** What Paystack said when it turned the call away before doing anything; null for every other failure. */
function refusalOf(error: unknown): { message: string; isDuplicate: boolean } | null {
  if (!(error instanceof ChannelError) || error.reason !== 'refused' || error.outcome !== 'rejected') return null
  const answer = objectOf(error.answer)
  const message = textOf(answer?.message) ?? ''
  const isDuplicate = answer?.code === 'duplicate_reference' || /^duplicate transaction reference/i.test(message)
  return { message, isDuplicate }
}

function unknown({ message, reason, status, answer }: ChannelError): ChannelError {
  return new ChannelError(message, { outcome: 'unknown', reason, status, answer })
}
