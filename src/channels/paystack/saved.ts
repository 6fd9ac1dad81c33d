import type { Channel, ChannelTransport, ChargedSaved, SavedCharge } from '../channel.ts'
import { unknownPayment, unusable } from '../kit/answers.ts'
import { isHardRefusal } from '../kit/declines.ts'
import { asUnknown, refusalOf } from '../kit/envelope.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { textOf, webAddressOf } from '../kit/words.ts'
import { callPaystack, type PaystackCredentials } from './api.ts'
import { toPayment, toWire } from './translate.ts'

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
    return answer.read((data) => toCharged(data, charge.reference))
  } catch (error) {
    const refusal = refusalOf(error)
    const words = textOf(refusal?.answer.message) ?? ''
    if (deadToken.test(words)) return unusable(charge.reference, 'refused', words)
    throw refusal && isDuplicate(refusal.answer) ? asUnknown(refusal.error) : error
  }
}

/** A code that Paystack does not have, or no more, is forgotten already (404). */
export const forgetSaved: Forgetting = async ({ token }, credentials, transport) => {
  const path = '/customer/authorization/deactivate'
  const body = { authorization_code: token }
  try {
    await callPaystack(transport, credentials, { method: 'POST', path, body, moves: false, secrets: [token] })
  } catch (error) {
    if (!/^authorization code not found|has been deactivated/i.test(textOf(refusalOf(error)?.answer.message) ?? ''))
      throw error
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
  const url = webAddressOf(answer.authorization_url)
  if (answer.reference !== reference || url === null) return null
  const payment = { ...unknownPayment, channelStatus: 'paused', reference }
  return { payment, channelReference: reference, payerNeeded: true, actionUrl: url, isHardDecline: false }
}

/**
 * The token is gone, of another e-mail, or was never good for this; nothing was tried. Words of Paystack's error page
 * (developers.paystack.co/docs/errors, read 2026-11-20).
 */
const deadToken = /^(?:authorization code does not exist or has been deactivated|this authorization is not reusable)/i

const isDuplicate = ({ code, message }: Json): boolean =>
  code === 'duplicate_reference' || /^duplicate transaction reference/i.test(textOf(message) ?? '')
