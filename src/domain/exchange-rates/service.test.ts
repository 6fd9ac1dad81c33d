import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { stopOwnPostgres } from '../../../test/support/postgres.ts'
import { startTestServer, type TestServer } from '../../../test/support/server.ts'
import { exponentOf } from '../../platform/money.ts'
import { findMaybeRate, invert, refreshRates, seedBundledRates } from './service.ts'
import { bundledDate, unitsPerUsd } from './tables.ts'

describe('exchange rates', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ backend: 'postgres', role: 'api' })
  })
  after(async () => {
    await server?.close()
    await stopOwnPostgres()
  })

  /** A source of rates on loopback that answers this. */
  async function refreshFrom(answer: unknown, status = 200): Promise<number> {
    const source = createServer((_request, response) => {
      response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
    try {
      return await refreshRates(server.ctx, `http://127.0.0.1:${(source.address() as AddressInfo).port}/latest`)
    } finally {
      source.closeAllConnections()
      await new Promise((resolve) => source.close(resolve))
    }
  }
  const rows = () =>
    server.ctx.db
      .selectFrom('exchange_rates')
      .select(['currency', 'usd_per_unit', 'source'])
      .select((row) => row.cast<string>('as_of', 'text').as('as_of'))
      .orderBy('currency')
      .execute()
  const rowOf = async (currency: string) => (await rows()).find((row) => row.currency === currency)

  test('units for a dollar become dollars for a unit, with twelve digits', () => {
    const rates = invert({ NGN: '1590.1', USD: '1', BHD: '0.376', IDR: '16250' })
    assert.deepEqual(Object.fromEntries(rates.map((rate) => [rate.currency, rate.usdPerUnit])), {
      NGN: '0.000628891264',
      USD: '1',
      BHD: '2.659574468085',
      IDR: '0.000061538461',
    })
  })

  test('the bundled table holds real currencies and sane numbers; a dollar is a dollar', () => {
    for (const [currency, units] of Object.entries(unitsPerUsd)) {
      assert.notEqual(exponentOf(currency), null, currency)
      assert.ok(/^\d+(\.\d+)?$/.test(units) && Number(units) > 0, `${currency} ${units}`)
    }
    assert.equal(unitsPerUsd.USD ?? '1', '1')
    for (const currency of ['NGN', 'GHS', 'KES', 'ZAR', 'XOF', 'EUR', 'GBP']) assert.ok(currency in unitsPerUsd)
  })

  test('a start finds the bundled rates with their date', async () => {
    const all = await rows()
    assert.equal(all.length, Object.keys(unitsPerUsd).length)
    for (const row of all) assert.deepEqual([row.as_of, row.source], [bundledDate, 'bundled'])
    assert.ok(await findMaybeRate(server.ctx, 'NGN'))
    assert.equal(await findMaybeRate(server.ctx, 'XYZ'), null)
  })

  test('garbage is refused as a whole and the rates that are there stay', async () => {
    const before = await rows()
    const good = { base: 'USD', date: '2026-11-20', rates: { NGN: 1600 } }
    for (const answer of [
      '',
      'not json',
      'null',
      '[]',
      '<html></html>',
      { ...good, base: 'EUR' },
      { ...good, date: 'yesterday' },
      { ...good, date: '2026-02-31' },
      { ...good, rates: 'none' },
      { ...good, rates: { NGN: 1e-12 } },
      { ...good, rates: { NGN: 1e30 } },
      { ...good, rates: { NGN: 1600, KES: 1e21 } },
    ]) {
      await assert.rejects(refreshFrom(answer), JSON.stringify(answer))
    }
    await assert.rejects(refreshFrom(good, 500), /HTTP 500/)
    await assert.rejects(refreshFrom(JSON.stringify({ ...good, padding: 'x'.repeat(1024 * 1024) })))
    assert.equal(await refreshFrom({ ...good, rates: { NGN: '1600', KES: -1, ZAR: 0, BTC: 0.00001, XXY: 2 } }), 0)
    assert.deepEqual(await rows(), before)
  })

  test('a good answer replaces what it names, is used at once, and stays at the next start', async () => {
    assert.notEqual(await findMaybeRate(server.ctx, 'NGN'), '0.000625')
    const answer = { base: 'USD', date: '2026-11-20', rates: { NGN: 1600, KES: 129.5, BTC: 0.00001 } }
    assert.equal(await refreshFrom(answer), 2)
    assert.equal(Number(await findMaybeRate(server.ctx, 'NGN')), 0.000625)
    const fetched = await rowOf('NGN')
    assert.equal(fetched?.as_of, '2026-11-20')
    assert.match(fetched?.source ?? '', /^127\.0\.0\.1:\d+$/)
    await seedBundledRates(server.ctx)
    assert.deepEqual(await rowOf('NGN'), fetched)
    assert.equal((await rowOf('ZAR'))?.source, 'bundled')
  })
})
