import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * What generates and checks clients of the published document. It is heavy and needed by the tests of the document alone, so it is no
 * dependency of the project: it is installed at its first use, from lists of exact versions, and kept between runs.
 */
const root = join(import.meta.dirname, '..')
const sources = join(root, 'test/clients')
const kept = join(root, 'node_modules/.cache/asyncpay-clients')
export const documentFile = join(root, 'docs/openapi.json')

const run = promisify(execFile)
const outputMaxBytes = 16 * 1024 * 1024

export interface Ran {
  stdout: string
  stderr: string
}

/** A folder with what `language` needs, named after the list that it was installed from; null: it cannot be had here. */
async function installed(language: string, lists: string[], install: (folder: string) => Promise<void>) {
  const from = lists.map((name) => readFileSync(join(sources, language, name)))
  const print = createHash('sha256').update(Buffer.concat(from)).digest('hex').slice(0, 16)
  const folder = join(kept, `${language}-${print}`)
  if (existsSync(folder)) return folder
  const unfinished = `${folder}.${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  try {
    for (const name of lists) cpSync(join(sources, language, name), join(unfinished, name))
    await install(unfinished)
    renameSync(unfinished, folder)
  } catch (error) {
    // Another run may have been faster; without a network there is nothing to be had.
    if (!existsSync(folder)) return { missing: `${language}: ${String(error).split('\n')[0]}` }
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return folder
}

export type Tools = { missing: string } | { run: (command: string, args: string[]) => Promise<Ran>; folder: string }

/** `openapi-typescript`, `redocly` and the compiler that the generator wants, with the client's files beside them. */
export async function typescriptTools(): Promise<Tools> {
  const folder = await installed('typescript', ['package.json', 'package-lock.json'], async (into) => {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: into })
  })
  if (typeof folder !== 'string') return folder
  for (const name of readdirSync(join(sources, 'typescript'))) {
    if (!name.startsWith('package')) cpSync(join(sources, 'typescript', name), join(folder, name))
  }
  // The tools ask their makers for news of themselves, and say who uses them.
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const options = { cwd: folder, env, maxBuffer: outputMaxBytes }
  return {
    folder,
    run: (command, args) =>
      run(command === 'node' ? process.execPath : join(folder, 'node_modules/.bin', command), args, options),
  }
}

/** The types that `openapi-typescript` makes of the document; null where it cannot be had. */
export async function typescriptClient(): Promise<string | null> {
  const tools = await typescriptTools()
  if ('missing' in tools) return null
  const made = join(tools.folder, `made-${process.pid}.ts`)
  await tools.run('openapi-typescript', [documentFile, '-o', made])
  const text = readFileSync(made, 'utf8')
  rmSync(made)
  return text
}

export const typescriptClientFile = join(sources, 'typescript/asyncpay.gen.ts')

/** `openapi-python-client` in an environment of its own. */
export async function pythonTools(): Promise<Tools> {
  const folder = await installed('python', ['requirements.txt'], async (into) => {
    await run('python3', ['-m', 'venv', join(into, 'env')])
    await run(join(into, 'env/bin/python'), ['-m', 'pip', 'install', '-q', '-r', join(into, 'requirements.txt')])
  })
  if (typeof folder !== 'string') return folder
  const options = { cwd: folder, maxBuffer: outputMaxBytes }
  return {
    folder,
    // By the interpreter: the commands beside it name the folder in which they were installed.
    run: (module, args) => run(join(folder, 'env/bin/python'), module === '' ? args : ['-m', module, ...args], options),
  }
}
