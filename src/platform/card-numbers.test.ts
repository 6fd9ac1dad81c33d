import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cardNumberErrors, holdsCardNumber } from './card-numbers.ts'
import { parseExactly } from './json.ts'

describe('what looks like a card number', () => {
  const cards = [
    ...['4242424242424242', '5555555555554444', '2223003122003222', '378282246310005', '30569309025904'],
    ...['6011111111111117', '3566002020360505', '5060666666666666666', '4222222222222'],
  ]

  test('is found plain, in groups, in dashes, within a sentence, and behind other numbers', () => {
    for (const card of cards) {
      const grouped = card.replaceAll(/(\d{4})(?=\d)/g, '$1 ')
      const texts = [
        card,
        grouped,
        grouped.replaceAll(' ', '-'),
        `Card: ${grouped}, thanks`,
        `(${card}).`,
        `12 ${grouped} 06 28`,
      ]
      for (const text of texts) assert.equal(holdsCardNumber(text), true, text)
    }
  })

  test('is not: phones, times, account numbers, ids with letters, amounts, wrong check digits', () => {
    const texts = [
      ...['4242424242424241', '+4915123456789012', '2348012345678', '0801 234 5678', '1764312345678', '20261128064100'],
      ...[
        '2026-11-28 06:41:00',
        '0123456789',
        'GB29 NWBK 6016 1331 9268 19',
        'ORD4242424242424242',
        '4242424242424242x',
      ],
      ...[
        '01912345-6789-7abc-8def-424242424242',
        '0.4242424242424242',
        '42424242424242424242',
        '1,000,000,000,000,000',
      ],
      ...['', '4242 4242', 'AsP-4242424242424'],
    ]
    for (const text of texts) assert.equal(holdsCardNumber(text), false, text)
  })

  test('in a body is named by its field: nested, in keys, in lists, as a number; ids and references pass', () => {
    const card = '4242 4242 4242 4242'
    const number = '4242424242424242'
    const wrong: [string, string][] = [
      ['description', `{"description":"paid by ${card}"}`],
      ['meta_data', `{"meta_data":{"a":[{"note":"${card}"}]}}`],
      ['meta_data', `{"meta_data":{"${number}":true}}`],
      ['meta_data', `{"meta_data":{"pan":${number}}}`],
      ['customer', `{"customer":{"email":"a@example.com","name":"${number}"}}`],
      ['tags', `{"tags":["${number}"]}`],
    ]
    for (const [field, text] of wrong) {
      const errors = cardNumberErrors(parseExactly(text) as Record<string, unknown>)
      assert.deepEqual(Object.keys(errors), [field], text)
      assert.match(String(errors[field]), /looks like a card number.*_id or _ref/)
    }
    const fine = [
      `{"reference":"${number}","meta_data":{"transaction_id":${number},"orderId":"${number}","order_ref":"${number}"}}`,
      `{"customer":{"phone_number":"${number}"},"account_number":"${number}","success_redirect_url":"https://a.example/${number}"}`,
    ]
    for (const text of fine) assert.deepEqual(cardNumberErrors(parseExactly(text) as Record<string, unknown>), {}, text)
  })

  test('is looked for in bounded time', () => {
    const startedAt = performance.now()
    for (const text of ['4 '.repeat(8192), '4'.repeat(16_384), '4242-'.repeat(3276)]) holdsCardNumber(text)
    // Quadratic work over 16 KiB would take far more than what a busy machine adds.
    assert.ok(performance.now() - startedAt < 5_000)
  })
})
