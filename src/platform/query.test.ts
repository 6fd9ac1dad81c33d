import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { appendQuery } from './query.ts'

const ours = { reference: 'AsT-1', status: 'successful' }
const shop = 'https://shop.example'

describe('parameters of ours on a stranger’s address', () => {
  const rows: [what: string, address: string, wanted: string][] = [
    ['without a query', `${shop}/done`, `${shop}/done?reference=AsT-1&status=successful`],
    ['without a path', shop, `${shop}?reference=AsT-1&status=successful`],
    ['an empty query', `${shop}/done?`, `${shop}/done?reference=AsT-1&status=successful`],
    ['a query that ends open', `${shop}/done?a=1&`, `${shop}/done?a=1&reference=AsT-1&status=successful`],
    ['a fragment stays last', `${shop}/d?a=1#top?x=1`, `${shop}/d?a=1&reference=AsT-1&status=successful#top?x=1`],
    ['a fragment alone', `${shop}/#/done?a=1`, `${shop}/?reference=AsT-1&status=successful#/done?a=1`],
    [
      'spaces, braces, plus, case, empty and repeated values stay byte for byte',
      `${shop}/d?q=a%20b&r=a+b&t={id}&p=%7e&P=%7E&e=&f&list[]=1&list[]=2&u='*!`,
      `${shop}/d?q=a%20b&r=a+b&t={id}&p=%7e&P=%7E&e=&f&list[]=1&list[]=2&u='*!&reference=AsT-1&status=successful`,
    ],
    [
      'the path too',
      'http://SHOP.example:80/a/../b//c%2Fd;v=1?x',
      'http://SHOP.example:80/a/../b//c%2Fd;v=1?x&reference=AsT-1&status=successful',
    ],
    [
      'its own parameter is never replaced: ours has a name that says whose it is',
      `${shop}/d?reference=order-7`,
      `${shop}/d?reference=order-7&asyncpay_reference=AsT-1&status=successful`,
    ],
    [
      'both, repeated and empty',
      `${shop}/d?status=&reference=1&reference=2`,
      `${shop}/d?status=&reference=1&reference=2&asyncpay_reference=AsT-1&asyncpay_status=successful`,
    ],
    [
      'a name however it is written',
      `${shop}/d?%72eference=1&st%61tus`,
      `${shop}/d?%72eference=1&st%61tus&asyncpay_reference=AsT-1&asyncpay_status=successful`,
    ],
    [
      'a name that only begins alike',
      `${shop}/d?references=1`,
      `${shop}/d?references=1&reference=AsT-1&status=successful`,
    ],
    [
      'letters beyond ASCII can stand in no header: those alone are escaped',
      `${shop}/commandé?ville=Zürich&q=a%20b#fin–`,
      `${shop}/command%C3%A9?ville=Z%C3%BCrich&q=a%20b&reference=AsT-1&status=successful#fin%E2%80%93`,
    ],
    [
      'a host of such letters is written in punycode',
      'https://bücher.example/d?q=a%20b',
      'https://xn--bcher-kva.example/d?q=a%20b&reference=AsT-1&status=successful',
    ],
  ]
  for (const [what, address, wanted] of rows) {
    test(what, () => {
      const made = appendQuery(address, ours)
      assert.equal(made, wanted)
      assert.match(made, /^[\x21-\x7e]+$/)
    })
  }

  test('values of ours are escaped', () => {
    assert.equal(appendQuery(`${shop}/d`, { reference: 'a b&c=ü' }), `${shop}/d?reference=a%20b%26c%3D%C3%BC`)
  })
})
