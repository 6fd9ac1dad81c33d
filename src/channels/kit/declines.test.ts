import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isHardRefusal } from './declines.ts'

describe('refusals in words', () => {
  it('are hard where no later try can help', () => {
    for (const words of [
      'Expired Card',
      'Your card has expired',
      'EXPIRED_CARD',
      'Lost Card',
      'Stolen card',
      'Card reported stolen',
      'Pick up card',
      'Pick-up Card, special conditions',
      'Pickup card',
      'Capture Card',
      'Hot Card',
      'Restricted Card',
      'Invalid card number',
      'No such issuer',
      'Invalid account',
      'Closed Account',
      'Account has been closed',
      'Stop payment order',
      'Revocation of authorization order',
    ]) {
      assert.equal(isHardRefusal(words), true, words)
    }
  })

  it('are soft where they may pass, say nothing, or are new to us', () => {
    for (const words of [
      'Insufficient Funds',
      'Do Not Honour',
      'Declined',
      'Declined by the issuer',
      'Transaction not Permitted to Cardholder',
      'Incorrect PIN',
      'Connection lost',
      'Issuer or switch inoperative',
      'Exceeds withdrawal limit',
      'Session expired',
      'Token required',
      'constructor',
      '',
      null,
    ]) {
      assert.equal(isHardRefusal(words), false, String(words))
    }
  })
})
