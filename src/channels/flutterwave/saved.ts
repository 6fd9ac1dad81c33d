import assert from 'node:assert/strict'
import {
  ChannelError,
  type ChannelPayment,
  type ChannelTransport,
  type ChargedSaved,
  type SavedCharge,
} from '../channel.ts'
import { unusable } from '../kit/answers.ts'
import { isHardRefusal } from '../kit/declines.ts'
import { asUnknown, refusalOf } from '../kit/envelope.ts'
import { type Json, objectOf } from '../kit/exchange.ts'
import { toMajor } from '../kit/money.ts'
import { textOf, webAddressOf } from '../kit/words.ts'
import { callFlutterwave, type FlutterwaveCredentials } from './api.ts'
import { toPayment } from './translate.ts'

/** Charging card tokens ("Tokenization", and the documentation inside the Node SDK 1.4.1, read 2026-11-20). */

/**
 * A decline is 200 with `data.status: "failed"`, or 400, which is also what a call gets that Flutterwave never tried. So
 * after a 400 we ask by our reference: a transaction that is there says what became of it, and without one nothing was
 * tried. `ask` is the channel's own `fetchPayment` for this reference.
 */
export async function chargeSaved(
  charge: SavedCharge,
  credentials: FlutterwaveCredentials,
  transport: ChannelTransport,
  ask: () => Promise<ChannelPayment>,
): Promise<ChargedSaved> {
  const { token } = charge.method
  const call = { method: 'POST', path: '/v3/tokenized-charges', body: toChargeBody(charge), moves: true } as const
  try {
    const answer = await callFlutterwave(transport, credentials, { ...call, secrets: [token] })
    return answer.read((data) => toCharged(data, charge.reference))
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === null) throw error
    const words = textOf(refusal.answer.message) ?? ''
    if (deadToken.test(words)) return unusable(charge.reference, 'refused', words)
    const tried = await triedMaybe(ask, refusal.error, words)
    if (tried === null) throw error
    return chargedOf(tried, charge.reference, isHardRefusal(words))
  }
}

/** Null: Flutterwave has no transaction of this reference, so the refusal came before any charge. */
async function triedMaybe(
  ask: () => Promise<ChannelPayment>,
  refusal: ChannelError,
  words: string,
): Promise<ChannelPayment | null> {
  try {
    const payment = await ask()
    return payment.channelStatus === 'not_found' ? null : payment
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    // A refused charge moved nothing; a reference that is taken may be one that did.
    if (!/\b(?:already exists?|duplicate)\b/i.test(words)) return null
    throw asUnknown(refusal)
  }
}

/** The SDK's schema wants a narration, and one reference page an address to return to. */
export function toChargeBody({
  reference,
  amountMinor,
  currency,
  description,
  payer,
  method,
  returnUrl,
}: SavedCharge): Json {
  return {
    token: method.token,
    // Bound to the token: with another e-mail Flutterwave refuses it.
    email: method.email,
    currency,
    amount: toWireNumber(amountMinor, currency),
    tx_ref: reference,
    narration: description.trim() || 'Payment',
    redirect_url: returnUrl,
    ...(payer.firstName !== null && { first_name: payer.firstName }),
    ...(payer.lastName !== null && { last_name: payer.lastName }),
  }
}

/** Here the amount is a JSON number and nothing else; one whose digits a number would lose is our bug. */
function toWireNumber(amountMinor: bigint, currency: string): number {
  const text = toMajor(amountMinor, currency)
  const number = Number(text)
  assert(number.toFixed(text.split('.')[1]?.length ?? 0) === text, 'the amount does not fit a JSON number')
  return number
}

/** The answer of `POST /v3/tokenized-charges`. Null without a status word. */
export function toCharged(data: unknown, reference: string): ChargedSaved | null {
  const payment = toPayment(data)
  if (!payment) return null
  const authorization = objectOf(objectOf(objectOf(data)?.meta)?.authorization)
  const url = payment.status === 'pending' ? webAddressOf(authorization?.redirect) : null
  if (url === null) return chargedOf(payment, reference, false)
  return { ...chargedOf(payment, reference, false), payerNeeded: true, actionUrl: url }
}

/** `isHard`: the call's own words said so, where those of the transaction do not. */
function chargedOf(payment: ChannelPayment, reference: string, isHard: boolean): ChargedSaved {
  const isHardDecline = payment.status === 'failed' && (isHard || isHardRefusal(payment.reason))
  return { payment, channelReference: reference, payerNeeded: false, actionUrl: null, isHardDecline }
}

/**
 * The token is unknown, of another e-mail, or more than a year old; nothing was tried. Not published in one place:
 * words of the SDK's issues and of merchants' code, read 2026-11-20.
 */
const deadToken =
  /^(?:wrong token or email passed|(?:invalid|expired) (?:card )?token|(?:card )?token (?:not found|is invalid|(?:has |is )?expired))/i
