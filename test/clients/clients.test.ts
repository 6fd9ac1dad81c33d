import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import {
  documentFile,
  pythonTools,
  type Tools,
  typescriptClient,
  typescriptClientFile,
  typescriptTools,
} from '../../scripts/clients.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import { cards, saveCard } from '../support/saved.ts'
import { type Body, startTestServer, type TestBusiness, type TestServer, threeChannels } from '../support/server.ts'

/** Clients that strangers' generators make of the published document, and what a shop does with them. */

after(stopOwnPostgres)

const document: Body = JSON.parse(readFileSync(documentFile, 'utf8'))

/** Skips where they cannot be had; with `CI` set that is a failure. */
function needed(context: TestContext, tools: Tools): Extract<Tools, { folder: string }> | null {
  if ('folder' in tools) return tools
  if (process.env.CI) throw new Error(tools.missing)
  context.skip(tools.missing)
  return null
}

describe('clients of the published document', () => {
  let server: TestServer
  let business: TestBusiness
  let given: string
  before(async () => {
    server = await startTestServer({ backend: 'embedded' })
    business = await threeChannels(server)
    const declining = await saveCard(server, business, 'paystack', cards.paystack.declines)
    const asking = await saveCard(server, business, 'paystack', cards.paystack.wantsPayer)
    given = JSON.stringify({ baseUrl: server.url, key: business.keys.test.secret_key, declining, asking })
  })
  after(() => server?.close())

  /** What a shop found, whatever it is written in. */
  async function expectFound(found: Body): Promise<void> {
    assert.match(found.opened.action, /^http/)
    assert.equal(found.opened.status, 'open')
    assert.deepEqual(found.wrongFields, { amount: ['The amount must be a plain decimal number such as "100.50".'] })
    assert.ok(found.declined)
    assert.match(found.confirmAt, /^http/)
    assert.equal(found.listed[0], found.opened.ref)
    const { body } = await business.api('GET', `/v1/payment-requests/retrieve-by-ref/${found.opened.ref}`)
    assert.equal(body.data.payment_request.amount, '4500')
  }

  test('redocly lint, its recommended rules: no error, and fewer than ten warnings', async (context) => {
    const tools = needed(context, await typescriptTools())
    if (!tools) return
    const { stdout } = await tools.run('redocly', ['lint', documentFile, '--format=json', '--extends=recommended'])
    const { totals } = JSON.parse(stdout)
    assert.equal(totals.errors, 0, stdout)
    assert.ok(totals.warnings < 10, stdout)
  })

  test('the committed TypeScript client is what openapi-typescript makes of the document', async (context) => {
    if (!needed(context, await typescriptTools())) return
    const isFresh = (await typescriptClient()) === readFileSync(typescriptClientFile, 'utf8')
    assert.ok(isFresh, 'run: npm run generate')
  })

  test('a shop in strict TypeScript takes a payment, meets a typed 422 and two 402, and reads a list', async (context) => {
    const tools = needed(context, await typescriptTools())
    if (!tools) return
    await tools.run('tsc', ['-p', '.'])
    const { stdout } = await tools.run('node', ['out/main.js', given])
    await expectFound(JSON.parse(stdout))
  })

  test('openapi-python-client makes every operation, and a shop with it does the same', async (context) => {
    const tools = needed(context, await pythonTools())
    if (!tools) return
    const client = join(tools.folder, 'asyncpay_client')
    const made = ['generate', '--path', documentFile, '--meta', 'none', '--output-path', client, '--overwrite']
    const { stdout, stderr } = await tools.run('openapi_python_client', made)
    assert.doesNotMatch(stdout + stderr, /WARNING parsing|ERROR|unable/i)
    const count = Object.values<Body>(document.paths).flatMap(Object.keys).length
    const { stdout: counted } = await tools.run('', ['-c', countOperations])
    assert.equal(Number(counted), count)
    cpSync(join(import.meta.dirname, 'python/shop.py'), join(tools.folder, 'shop.py'))
    await expectFound(JSON.parse((await tools.run('', ['shop.py', given])).stdout))
  })
})

const countOperations = `
import pathlib
files = pathlib.Path('asyncpay_client/api').glob('*/*.py')
print(len([one for one in files if one.name != '__init__.py']))
`
