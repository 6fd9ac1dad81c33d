import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { amountMinorMax, exponentOf, formatAmount, formatScaled, isCurrency, parseAmount, toUsd } from './money.ts'

const minorOf = (input: unknown, currency = 'NGN') => {
  const parsed = parseAmount(input, currency)
  return parsed.ok ? parsed.amountMinor : null
}

describe('money', () => {
  test('exponents are those of ISO 4217', () => {
    const exponents = { NGN: 2, USD: 2, JPY: 0, XOF: 0, KRW: 0, UGX: 0, KWD: 3, BHD: 3, TND: 3, MGA: 2, MRU: 2 }
    for (const [currency, exponent] of Object.entries(exponents)) assert.equal(exponentOf(currency), exponent, currency)
    for (const money of ['SLE', 'VED', 'XCG', 'ZWG', 'XAF', 'XOF', 'XPF', 'XCD', 'EUR'])
      assert.ok(isCurrency(money), money)
    const noMoney = [
      'XXX',
      'XTS',
      'XAU',
      'XDR',
      'XUA',
      'XAD',
      'CHE',
      'CLF',
      'UYW',
      'HRK',
      'ANG',
      'SLL',
      'ZWL',
      'CUC',
      'BGN',
    ]
    for (const other of noMoney) assert.ok(!isCurrency(other), other)
    // What was paid before is still told.
    assert.equal(formatAmount(1_050n, 'BGN'), '10.5')
    assert.ok(!parseAmount('10', 'BGN').ok)
    for (const wrong of ['', 'ngn', 'XYZ', 'BTC', 'NGN ', '__proto__']) assert.equal(exponentOf(wrong), null, wrong)
  })

  test('an amount in major units, as text or number, becomes the same integer', () => {
    const cases: [unknown, string, bigint][] = [
      ['100.50', 'NGN', 10_050n],
      [100.5, 'NGN', 10_050n],
      ['0.01', 'NGN', 1n],
      [0.1, 'NGN', 10n],
      ['007', 'NGN', 700n],
      ['100', 'JPY', 100n],
      ['1.234', 'KWD', 1_234n],
      ['9999999999999.99', 'NGN', amountMinorMax],
    ]
    for (const [input, currency, minor] of cases) assert.equal(minorOf(input, currency), minor, String(input))
  })

  test('digits beyond the exponent are refused, never rounded; nonsense, zero and too much are refused with words', () => {
    const cases: [unknown, string][] = [
      ['1.005', 'NGN'],
      [0.1 + 0.2, 'NGN'],
      ['1.0', 'JPY'],
      ['1.0000', 'KWD'],
      ['10000000000000', 'NGN'],
      ['1', 'XYZ'],
      ...['', ' ', '1e3', '1,000', '0x64', 'NaN', '-1', '+1', '.5', '1.', ' 1', '1 ', '١', '0', '0.00'].map(
        (text): [unknown, string] => [text, 'NGN'],
      ),
      ...[0, -0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e21, 1e-7, true, null, undefined, [1], { a: 1 }, 1n].map(
        (value): [unknown, string] => [value, 'NGN'],
      ),
    ]
    for (const [input, currency] of cases) {
      const parsed = parseAmount(input, currency)
      assert.ok(!parsed.ok, `${String(input)} ${currency}`)
      assert.match(parsed.reason, /\w.*\.$/)
    }
  })

  test('what is written is read again exactly, without superfluous zeros, in every exponent', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, amountMinorMax), fc.constantFrom('JPY', 'NGN', 'KWD'), (minor, currency) => {
        const text = formatAmount(minor, currency)
        assert.match(text, /^(0|[1-9]\d*)(\.\d*[1-9])?$/)
        assert.equal(minorOf(text, currency), minor)
      }),
    )
    assert.equal(formatAmount(10_050n, 'NGN'), '100.5')
    assert.equal(formatAmount(10_000n, 'NGN'), '100')
    assert.equal(formatAmount(0n, 'KWD'), '0')
    assert.equal(formatScaled(-5n, 2), '-0.05')
    assert.throws(() => formatAmount(1n, 'XYZ'), RangeError)
  })

  test('US dollars: four decimals at most, rounded half up, exact for any size', () => {
    assert.equal(toUsd(10_000n, 'NGN', '0.000622'), '0.0622')
    assert.equal(toUsd(10_050n, 'USD', '1'), '100.5')
    assert.equal(toUsd(1n, 'NGN', '0.005'), '0.0001')
    assert.equal(toUsd(1n, 'NGN', '0.004999'), '0')
    assert.equal(toUsd(100n, 'JPY', '0.0067'), '0.67')
    assert.equal(toUsd(1_234n, 'KWD', '3.25', 2), '4.01')
    assert.equal(toUsd(amountMinorMax, 'NGN', '1'), '9999999999999.99')
  })
})
