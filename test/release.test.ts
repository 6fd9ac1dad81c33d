import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePort } from './support/postgres.ts'
import { runCommand } from './support/process.ts'
import { until } from './support/wait.ts'

const root = join(import.meta.dirname, '..')

interface Lock {
  packages: Record<string, { dev?: boolean }>
}

describe('what a release holds', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'asyncpay-release-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** What the Dockerfile copies from the repository, with the packages that are no devDependencies. */
  function makeImage(): string {
    const image = join(folder, 'image')
    const copies = [...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.+) (\S+)$/gm)]
    for (const [, sources = ''] of copies) {
      for (const source of sources.split(' ')) {
        const keep = (path: string) => !/\.test\.ts$|\/fixtures(\/|$)/.test(path)
        cpSync(join(root, source), join(image, source), { recursive: true, filter: keep })
      }
    }
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
    for (const [path, { dev }] of Object.entries(packages)) {
      if (dev || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) continue
      mkdirSync(dirname(join(image, path)), { recursive: true })
      symlinkSync(join(root, path), join(image, path))
    }
    return image
  }

  test('the image’s files and packages are enough: it starts, takes a payment at the sandbox, and stops', async () => {
    const image = makeImage()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const env = { PATH: process.env.PATH, PORT: String(port), DATA_DIR: join(folder, 'data'), NODE_ENV: 'production' }
    const server = spawn(process.execPath, ['src/cli/main.ts', 'start'], { cwd: image, env })
    let output = ''
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (output += text))
    const ended = new Promise((resolve) => server.once('exit', resolve))
    try {
      const isReady = () =>
        fetch(`${url}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        )
      await until('the image to be ready', async () => server.exitCode !== null || (await isReady()), 60_000)
      assert.equal(server.exitCode, null, output)
      const shown = spawnSync(process.execPath, ['src/cli/main.ts', 'keys', '--json'], {
        cwd: image,
        env,
        encoding: 'utf8',
      })
      const { test: keys } = JSON.parse(shown.stdout)
      const answer = await fetch(`${url}/v1/payment-requests`, {
        method: 'POST',
        headers: { authentication: `Bearer ${keys.secret_key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ customer_email: 'ada@example.com', amount: 100, currency: 'NGN' }),
      })
      assert.equal(answer.status, 201, await answer.text())
      for (const path of ['/docs', '/openapi.json']) assert.equal((await fetch(url + path)).status, 200, path)
      server.kill('SIGTERM')
      assert.equal(await ended, 0, output)
    } finally {
      server.kill('SIGKILL')
      await ended
    }
  })

  test('the version stands in package.json alone: the command line and the API say it', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    assert.equal((await runCommand(['--version'], {})).trim(), version)
    const { info } = JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8'))
    assert.equal(info.version, version)
  })

  test('npm version writes the version, names the changelog’s section after it, commits and tags', () => {
    const repository = join(folder, 'repository')
    mkdirSync(join(repository, 'scripts'), { recursive: true })
    cpSync(join(root, 'scripts/release.ts'), join(repository, 'scripts/release.ts'))
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const pack = { name: 'shop', version: '0.1.0', type: 'module', scripts: { version: scripts.version } }
    writeFileSync(join(repository, 'package.json'), JSON.stringify(pack))
    const changelog = join(repository, 'CHANGELOG.md')
    writeFileSync(changelog, '# Changelog\n\n## Unreleased\n')
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
    const run = (command: string, ...args: string[]) =>
      spawnSync(command, args, { cwd: repository, env, encoding: 'utf8' })
    run('git', 'init', '-q')
    run('git', 'config', 'user.email', 'ada@example.com')
    run('git', 'config', 'user.name', 'Ada')
    run('git', 'add', '.')
    run('git', 'commit', '-qm', 'first')
    const empty = run('npm', 'version', 'minor')
    assert.notEqual(empty.status, 0)
    assert.match(empty.stderr, /says nothing under "## Unreleased"/)
    run('git', 'checkout', '-q', '.')
    writeFileSync(changelog, '# Changelog\n\n## Unreleased\n\n- Payouts.\n\n## 0.1.0 (2026-01-01)\n\n- Payments.\n')
    run('git', 'commit', '-qam', 'payouts')
    const made = run('npm', 'version', 'minor')
    assert.equal(made.status, 0, made.stderr)
    const day = new Date().toISOString().slice(0, 10)
    assert.equal(
      readFileSync(changelog, 'utf8'),
      `# Changelog\n\n## Unreleased\n\n## 0.2.0 (${day})\n\n- Payouts.\n\n## 0.1.0 (2026-01-01)\n\n- Payments.\n`,
    )
    assert.equal(run('git', 'tag').stdout.trim(), 'v0.2.0')
    assert.equal(run('git', 'status', '--short').stdout, '')
  })
})
