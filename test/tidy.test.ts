import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { withCapabilities } from '../scripts/capabilities.ts'
import { errorRows, errorsPage } from '../scripts/errors.ts'
import { openApiText } from '../scripts/openapi.ts'
import { tableTypes } from '../scripts/tables.ts'
import { listChannels } from '../src/channels/index.ts'
import { copyEmbedded } from './support/template.ts'

/** The architecture. What stands here is true of every commit; what is not checked here is a wish. */

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const isTest = (file: string) => file.endsWith('.test.ts')

/** Floors of the house, lowest first. A file imports from its own floor or from lower ones. */
const floors = ['src/platform', 'src/events', 'src/channels', 'src/domain', 'src']

/** Nouns, lowest first. A noun imports only those before it. */
const nouns = [
  'clock',
  'businesses',
  'exchange-rates',
  'mails',
  'webhooks',
  'payment-channels',
  'customers',
  'payment-methods',
  'subscription-plans',
  'routing',
  'payment-requests',
  'attempts',
  'payments',
  'refunds',
  'subscriptions',
  'portal',
  'checkout',
  'hooks',
  'erasures',
]

/** Roles that every noun may have; what else a noun has is a verb that its service was split by, or its one page. */
const roles = ['schema', 'routes', 'service', 'states', 'store', 'errors', 'jobs', 'tables']
const verbs: Record<string, string[]> = {
  businesses: [
    'actors',
    'access',
    'audit',
    'audit-chain',
    'clock',
    'guesses',
    'keys',
    'replace-keys',
    'store-audit',
    'store-keys',
  ],
  mails: ['render', 'plain'],
  'subscription-plans': ['prices'],
  webhooks: ['deliver', 'sign'],
  hooks: ['handlers'],
  subscriptions: ['periods', 'with-subscription', 'start', 'request-settled', 'dunning', 'renew', 'mails'],
  checkout: ['stream', 'pages', 'subscribe'],
  portal: ['pages', 'show'],
  'payment-requests': ['find', 'insert', 'store-insert', 'timeline', 'ending', 'held', 'link'],
  attempts: [
    'open',
    'store-open',
    'charge',
    'saved',
    'ask',
    'judge',
    'outcome',
    'received',
    'store-received',
    'with-request',
    'end',
    'schedule',
    'follow-up',
    'due-refunds',
  ],
  payments: [
    'schema-saved',
    'initiate',
    'sold',
    'plan',
    'choose',
    'velocity',
    'store-velocity',
    'relay',
    'turn',
    'verify',
    'cancel',
    'save-method',
    'charge-method',
    'return',
  ],
}

/**
 * What other nouns may open. `held` is what the centre writes to a request; `follow-up` and `due-refunds` are what subscriptions
 * and refunds need of attempts. `app.ts` and `jobs.ts` also open routes, jobs and pages.
 */
const doors = ['schema', 'service', 'errors', 'states', 'held', 'follow-up', 'due-refunds']

const linesMax = 400
const functionLinesMax = 70

const sources = globSync('{src,sandbox,scripts,test,bench,prove,web}/**/*.ts', { cwd: root }).sort()
const code = sources.filter((file) => /^(src|sandbox|web)\//.test(file))

/** Nouns that show pages. */
const pageNouns = ['checkout', 'portal']

/** Files that `file` imports from this repository, as paths from its root. */
function importsOf(file: string): string[] {
  const found = [...read(file).matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g)].map((match) => String(match[1]))
  return found.map((path) => relative(root, resolve(root, dirname(file), path)))
}

const floorOf = (file: string) => floors.findIndex((floor) => file.startsWith(`${floor}/`))
const nounOf = (file: string) => /^src\/domain\/([^/]+)\//.exec(file)?.[1]
const channelFolderOf = (file: string) => /^src\/channels\/([^/]+)\//.exec(file)?.[1]
const roleOf = (file: string) => basename(file).replace(/\.ts$/, '')

function violations(files: string[], rule: (file: string) => (string | false | undefined)[]): string[] {
  return files.flatMap((file) => rule(file).filter((one) => typeof one === 'string')).map(String)
}

describe('tidy', () => {
  test('imports only go down the floors', () => {
    const found = violations(
      code.filter((file) => file.startsWith('src/') && !isTest(file)),
      (file) =>
        importsOf(file).map((to) => {
          if (to.startsWith('sandbox/')) return !/^src\/(server\.ts|cli\/)/.test(file) && `${file} imports the sandbox`
          return floorOf(to) > floorOf(file) && `${file} imports ${to}`
        }),
    )
    assert.deepEqual(found, [])
  })

  test('a channel stands on channel.ts and the kit: the kit knows no channel, and no channel another', () => {
    const allowed: Record<string, string[]> = { kit: [], contract: ['kit'], channel: ['kit'] }
    const found = violations(
      code.filter((file) => channelFolderOf(file) && !isTest(file)),
      (file) =>
        importsOf(file).map((to) => {
          const [from, other] = [String(channelFolderOf(file)), channelFolderOf(to)]
          if (to.startsWith('src/channels/') && !other)
            return to !== 'src/channels/channel.ts' && `${file} imports ${to}`
          const may = [from, ...(allowed[from] ?? allowed.channel ?? [])]
          return other && !may.includes(other) && `${file} imports ${to}`
        }),
    )
    assert.deepEqual(found, [])
  })

  test('nothing above the channels opens the kit, the suite, or one channel', () => {
    const found = violations(
      code.filter((file) => file.startsWith('src/') && !file.startsWith('src/channels/') && !isTest(file)),
      (file) => importsOf(file).map((to) => channelFolderOf(to) && `${file} imports ${to}`),
    )
    assert.deepEqual(found, [])
  })

  test('no code knows one channel but its own folder, its emulator, and the lists that they are added to', () => {
    const found = violations(
      code.filter((file) => !isTest(file) && !/(^|\/)(testing|providers|channels\/index)\.ts$/.test(file)),
      (file) =>
        listChannels().map(
          ({ slug }) =>
            !file.startsWith(`src/channels/${slug}/`) &&
            !file.startsWith(`sandbox/${slug}/`) &&
            new RegExp(`['"\`.]${slug}\\b`).test(read(file)) &&
            `${file} names ${slug}`,
        ),
    )
    assert.deepEqual(found, [])
  })

  test('the platform knows no word of payments', () => {
    const words = /payment|refund|payout|subscription|dispute|\bcharge|'transactions'/i
    const found = violations(
      code.filter((file) => file.startsWith('src/platform/') && !isTest(file) && !file.endsWith('.gen.ts')),
      (file) =>
        read(file)
          .split('\n')
          .map((line, index) => words.test(line) && `${file}:${index + 1}: ${line.trim()}`),
    )
    assert.deepEqual(found, [])
  })

  test('the sandbox is a program of its own: nothing of src but platform', () => {
    const files = code.filter((file) => file.startsWith('sandbox/'))
    const found = violations(files, (file) =>
      importsOf(file).map((to) => to.startsWith('src/') && !to.startsWith('src/platform/') && `${file} imports ${to}`),
    )
    assert.deepEqual(found, [])
  })

  test('pages are pure: web imports itself alone, and only nouns with pages and the reference import it', () => {
    const found = violations(
      code.filter((file) => !isTest(file)),
      (file) =>
        importsOf(file).map((to) => {
          if (file.startsWith('web/')) return !to.startsWith('web/') && `${file} imports ${to}`
          const hasPages = pageNouns.includes(String(nounOf(file))) || file === 'src/reference.ts'
          return to.startsWith('web/') && !hasPages && `${file} imports ${to}`
        }),
    )
    assert.deepEqual(found, [])
  })

  test('the script of a page is whole: browser modules have exported functions alone, and no text over lines', () => {
    const found = violations(
      code.filter((file) => /^web\/.*\/(client[a-z-]*|look)\.ts$/.test(file)),
      (file) => {
        const lines = read(file).split('\n')
        const hidden = lines.filter((line) => /^(async )?function |^(export )?(const|let|class|default) /.test(line))
        const long = lines.filter((line) => (line.match(/`/g)?.length ?? 0) % 2 === 1)
        return [...hidden, ...long].map((line) => `${file}: ${line}`)
      },
    )
    assert.deepEqual(found, [])
  })

  test('every noun is known, and imports only nouns below it, through their doors', () => {
    const files = code.filter((file) => nounOf(file) && !isTest(file))
    assert.deepEqual([...new Set(files.map((file) => String(nounOf(file))))].sort(), [...nouns].sort())
    const found = violations(files, (file) =>
      importsOf(file).map((to) => {
        const [from, other] = [nounOf(file), nounOf(to)]
        if (!other || other === from) return false
        if (nouns.indexOf(other) > nouns.indexOf(String(from))) return `${file} imports upwards: ${to}`
        return !doors.includes(roleOf(to)) && `${file} imports past the door: ${to}`
      }),
    )
    assert.deepEqual(found, [])
  })

  test('a noun has role files and the verbs listed here, nothing else', () => {
    const found = violations(
      code.filter((file) => nounOf(file) && !isTest(file)),
      (file) => [
        ![...roles, ...(verbs[String(nounOf(file))] ?? [])].includes(roleOf(file)) && `${file} has no known role`,
      ],
    )
    assert.deepEqual(found, [])
  })

  test('every file is used', () => {
    const entries =
      /(\.test\.ts|^src\/cli\/main\.ts|^scripts\/(generate|release|screenshots)\.ts|^test\/(run|clients\/typescript\/main)\.ts|^(bench|prove)\/.*)$/
    const used = new Set([...sources.flatMap(importsOf), ...scriptModules()])
    assert.deepEqual(
      sources.filter((file) => !used.has(file) && !entries.test(file)),
      [],
    )
  })

  test(`no file of code is longer than ${linesMax} lines, no function longer than ${functionLinesMax}`, () => {
    const found = violations(
      code.filter((file) => !isTest(file) && !/(tables|\.gen)\.ts$/.test(file)),
      (file) => {
        const lines = read(file).split('\n')
        const long = lines.length > linesMax + 1 && `${file} has ${lines.length - 1} lines`
        return [long, ...longFunctions(lines).map((name) => `${file}: ${name}`)]
      },
    )
    assert.deepEqual(found, [])
  })

  test('a folder has one exported type of a name', () => {
    const folders = new Map<string, string[]>()
    for (const file of code.filter((one) => !isTest(one) && !one.endsWith('.gen.ts'))) {
      for (const [, name] of read(file).matchAll(/^export (?:interface|type) (\w+)(?=[ <])/gm)) {
        const key = `${dirname(file)}: ${name}`
        folders.set(key, [...(folders.get(key) ?? []), basename(file)])
      }
    }
    const doubled = [...folders].filter(([, files]) => files.length > 1)
    assert.deepEqual(doubled, [])
  })

  test('every package that package.json names is used', () => {
    const { dependencies, devDependencies, scripts } = JSON.parse(read('package.json'))
    // Types are used by the compiler, and these by their commands.
    const commands = ['@biomejs/biome', 'node', 'typescript']
    const named = [...Object.keys(dependencies), ...Object.keys(devDependencies)]
    const wanted = named.filter((name) => !name.startsWith('@types/') && !commands.includes(name))
    const text = [...sources.map(read), JSON.stringify(scripts)].join('\n')
    assert.deepEqual(
      wanted.filter((name) => !new RegExp(`['"/]${name}['"/]`).test(text)),
      [],
    )
  })

  test('only config.ts reads the environment', () => {
    const files = code.filter((file) => !isTest(file) && file !== 'src/config.ts')
    assert.deepEqual(
      files.filter((file) => /process\.env/.test(read(file))),
      [],
    )
  })

  test('no vague names, no marks of unfinished work', () => {
    const vague = /(^|[/.-])(utils?|helpers?|common|manager|misc)([/.-]|$)|V2/
    assert.deepEqual(
      sources.filter((file) => vague.test(file)),
      [],
    )
    const unfinished = new RegExp(['TO', 'DO|FIX', 'ME|\\.on', 'ly\\(|@ts-', 'ignore'].join(''))
    assert.deepEqual(
      sources.filter((file) => unfinished.test(read(file))),
      [],
    )
  })

  test('nothing names a machine path', () => {
    const files = [...sources, ...globSync('{*.md,docs/**/*.md,package.json,.ci/run,migrations/*}', { cwd: root })]
    const machinePath = new RegExp(['/wo', 'rk/|/ro', 'ot/|/ho', 'me/[a-z]'].join(''))
    assert.deepEqual(
      files.filter((file) => machinePath.test(read(file))),
      [],
    )
  })

  test('an error number names one error, and docs/errors.md equals the code', async () => {
    const names = new Map<string, string>()
    for (const row of await errorRows()) {
      assert.equal(names.get(row.code) ?? row.name, row.name, `${row.code} has two names`)
      names.set(row.code, row.name)
      assert.ok(row.message && row.description, `${row.name} says nothing`)
    }
    assert.equal(read('docs/errors.md'), await errorsPage(), 'run: npm run generate')
  })

  test('the channel table in README.md equals the adapters', () => {
    assert.equal(read('README.md'), withCapabilities(read('README.md')), 'run: npm run generate')
  })

  test('docs/openapi.json equals the routes', async () => {
    assert.equal(read('docs/openapi.json'), await openApiText(copyEmbedded), 'run: npm run generate')
  })

  test('the table types equal the migrated database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'asyncpay-tables-'))
    try {
      await copyEmbedded(folder)
      assert.equal(
        read('src/platform/tables.gen.ts'),
        await tableTypes(join(folder, 'postgres')),
        'run: npm run generate',
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('each decision has a number of its own', () => {
    const numbers = globSync('docs/decisions/*.md', { cwd: root }).map((file) => Number(basename(file).slice(0, 4)))
    assert.equal(new Set(numbers).size, numbers.length)
  })
})

/** Modules that `scriptOf` makes a page's script of: named there, not imported. */
function scriptModules(): string[] {
  const calls = code.flatMap((file) =>
    [...read(file).matchAll(/scriptOf\(\[([^\]]+)\]/g)].map((call) => ({ file, call })),
  )
  return calls.flatMap(({ file, call }) =>
    [...String(call[1]).matchAll(/'([^']+)'/g)].map((name) => join(dirname(file), `${name[1]}.ts`)),
  )
}

/** Top-level functions that are too long, by their indentation: biome formats every one of them alike. */
function longFunctions(lines: string[]): string[] {
  const found: string[] = []
  lines.forEach((line, start) => {
    const name = /^(?:export )?(?:async )?function (\w+)|^(?:export )?const (\w+) =.*(?:=>|\() ?\{?$/.exec(line)
    if (!name) return
    const length = lines.slice(start).findIndex((one) => /^[})]/.test(one))
    if (length > functionLinesMax) found.push(`${name[1] ?? name[2]} has ${length} lines`)
  })
  return found
}
