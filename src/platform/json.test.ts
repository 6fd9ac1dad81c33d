import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { mayDiffer, parseExactly, settleNumber, settleNumbers } from './json.ts'

const digits = (least: number, most: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: least, maxLength: most }).map((all) => all.join(''))
const written = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: digits(1, 25).map((text) => text.replace(/^0+(?=\d)/, '')),
    fraction: fc.option(digits(1, 25)),
    exponent: fc.option(fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(1, 4))),
  })
  .map(({ sign, whole, fraction, exponent }) => {
    const power = exponent === null ? '' : exponent.join('')
    return `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${power}`
  })

describe('numbers by their text', () => {
  test('whatever JSON number is parsed is written again as it was', () => {
    fc.assert(
      fc.property(written, fc.constantFrom('[', '[ ', '{"a":', '{"a" :\n'), (number, before) => {
        const text = `${before}${number}${before.startsWith('[') ? ']' : '}'}`
        const again = JSON.stringify(parseExactly(text))
        assert.equal(again, text.replace(/\s/g, ''))
      }),
      { numRuns: 2_000 },
    )
  })

  test('texts that look like numbers stay texts, and a plain body is not looked at twice', () => {
    const text = '{"a":"1.10","b":":1.5","c":[":-0",1,true,null]}'
    assert.equal(JSON.stringify(parseExactly(text)), text)
    assert.ok(!mayDiffer('{"amount":"100","count":12,"list":[1,2],"at":"2026-01-31T12:00:00.000000Z"}'))
    assert.throws(() => parseExactly('{"a":1.}'), SyntaxError)
  })

  test('a number is one where a double is exactly it, in whatever form it was written', () => {
    const exact: [string, number][] = [
      ['1.0', 1],
      ['1e0', 1],
      ['100.50', 100.5],
      ['1005e-1', 100.5],
      ['0.000', 0],
      ['1E+3', 1_000],
      ['5e-324', 5e-324],
      ['1.7976931348623157e308', Number.MAX_VALUE],
    ]
    for (const [text, number] of exact) assert.equal(settleNumber(JSON.rawJSON(text)), number, text)
    const inexact = ['99999999999.999999', '9007199254740993', '1.00000000000000000001', '1e400', '1e-400']
    for (const text of inexact) assert.equal(settleNumber(JSON.rawJSON(text)), text)
  })

  test('what a schema describes is settled; what it leaves to the sender stays exact', () => {
    const shape = {
      properties: {
        amount: { type: ['string', 'number'] },
        count: { type: 'integer' },
        word: { type: 'string' },
        list: { type: 'array', items: { type: 'integer' } },
        inner: { properties: { count: { type: 'integer' } } },
        flag: {},
        free: { type: 'object' },
      },
    }
    const big = '9007199254740993'
    const body = `{"amount":${big}.5,"count":1.0,"word":${big},"list":[2.0,${big}],"inner":{"count":3e0},"flag":1.0,"free":{"a":1.0},"more":1.0}`
    const settled = settleNumbers(parseExactly(body), shape) as Record<string, unknown>
    assert.deepEqual(JSON.parse(JSON.stringify({ ...settled, free: 0, word: 0, more: 0 })), {
      amount: `${big}.5`,
      count: 1,
      word: 0,
      list: [2, big],
      inner: { count: 3 },
      flag: 1,
      free: 0,
      more: 0,
    })
    assert.equal(JSON.stringify([settled.word, settled.free, settled.more]), `[${big},{"a":1.0},1.0]`)
  })
})
