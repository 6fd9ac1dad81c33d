import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { languages } from './language.ts'
import { codeBeside, formatMoney } from './money.ts'

const plain = (text: string) => text.replace(/\s/g, ' ')

describe('money', () => {
  const rows: [string, string, string][] = [
    ['5000', 'JPY', '¥5,000'],
    ['15750.5', 'NGN', '₦15,750.50'],
    ['0.01', 'NGN', '₦0.01'],
    ['1.234', 'KWD', 'KWD 1.234'],
    ['1', 'KWD', 'KWD 1.000'],
    ['123456789012345.67', 'NGN', '₦123,456,789,012,345.67'],
    ['999999999999.999', 'KWD', 'KWD 999,999,999,999.999'],
    ['900719925474099.93', 'USD', '$900,719,925,474,099.93'],
    ['2500', 'XOF', 'F CFA 2,500'],
    // Where a locale's custom knows no small coins and ISO 4217 does, the digits that are given decide.
    ['1234.50', 'HUF', 'Ft 1,234.50'],
    ['1234.00', 'HUF', 'Ft 1,234.00'],
    ['5000.50', 'COP', '$5,000.50'],
    ['1.500', 'IQD', 'IQD 1.500'],
    ['0.20', 'MGA', 'Ar 0.20'],
  ]
  for (const [amount, currency, wanted] of rows) {
    test(`${amount} ${currency} is shown as ${wanted}`, () => {
      assert.equal(plain(formatMoney(amount, currency, 'en')), wanted)
    })
  }

  test('no language loses a digit', () => {
    for (const language of languages) {
      for (const amount of ['123456789012345.67', '987654321098765.43']) {
        assert.equal(formatMoney(amount, 'NGN', language).replace(/\D/g, ''), amount.replace('.', ''), language)
      }
    }
  })

  test('a sign that several currencies share has its code beside it', () => {
    assert.equal(codeBeside(formatMoney('1', 'CAD', 'en'), 'CAD'), 'CAD')
    assert.equal(codeBeside(formatMoney('1', 'KWD', 'en'), 'KWD'), null)
  })

  test('what is no decimal text is refused', () => {
    for (const wrong of ['', '1e3', 'NaN', 'Infinity', '1,000', '<b>']) {
      assert.throws(() => formatMoney(wrong, 'NGN', 'en'), wrong)
    }
  })
})
