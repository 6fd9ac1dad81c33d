import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { listChannels } from '../channels/index.ts'
import { type FieldSources, readFields } from './fields.ts'

const nothing: FieldSources = { set: [], fromStdin: false, fromFile: undefined }

function terminalOf(typed: string, isTTY: boolean) {
  const input = Object.assign(new PassThrough(), { isTTY })
  const output = new PassThrough().setEncoding('utf8')
  if (isTTY) input.write(typed)
  else input.end(typed)
  return { terminal: { input, output }, shown: () => String(output.read() ?? '') }
}

describe('the fields of a channel’s credentials', () => {
  test('a secret among the arguments is refused at every channel, and its words do not repeat it', async () => {
    for (const { slug, credentialFields } of listChannels()) {
      for (const { name, secret } of credentialFields) {
        const reading = readFields(slug, { ...nothing, set: [`${name}=canary`] }, terminalOf('', false).terminal)
        if (!secret) assert.deepEqual(await reading, { [name]: 'canary' })
        else {
          await assert.rejects(reading, (error: Error) => {
            assert.match(error.message, /is a secret.*standard input.*--from-file/)
            return !error.message.includes('canary')
          })
        }
      }
    }
    await assert.rejects(readFields('paystack', { ...nothing, set: ['sk_live_canary'] }), /^UsageError: [^c]*$/)
  })

  test('samples of the sandbox may stand among the arguments, its other secrets beside them', async () => {
    const set = ['secret_key=FLWSECK_TEST-sandbox-1-X', 'secret_hash=abc']
    assert.deepEqual(await readFields('flutterwave', { ...nothing, set }), {
      secret_key: 'FLWSECK_TEST-sandbox-1-X',
      secret_hash: 'abc',
    })
    const disguised = ['secret_key=sk_live_canary', 'public_key=pk_sandbox_1']
    await assert.rejects(readFields('paystack', { ...nothing, set: disguised }), /is a secret/)
  })

  test('JSON comes from standard input or a file; what is none is refused without being shown', async () => {
    const json = '{"secret_key":"sk_live_canary"}'
    const set = ['public_key=pk_live_1']
    const wanted = { secret_key: 'sk_live_canary', public_key: 'pk_live_1' }
    const { terminal } = terminalOf(json, false)
    assert.deepEqual(await readFields('paystack', { ...nothing, set, fromStdin: true }, terminal), wanted)
    const folder = mkdtempSync(join(tmpdir(), 'asyncpay-fields-'))
    try {
      const file = join(folder, 'paystack.json')
      writeFileSync(file, json)
      assert.deepEqual(await readFields('paystack', { ...nothing, set, fromFile: file }), wanted)
    } finally {
      rmSync(folder, { recursive: true })
    }
    for (const text of ['', 'sk_live_canary', '["canary"]', 'null', '{"secret_key":{"a":"canary"}}']) {
      await assert.rejects(
        readFields('paystack', { ...nothing, fromStdin: true }, terminalOf(text, false).terminal),
        (error: Error) => /must hold one JSON object/.test(error.message) && !error.message.includes('canary'),
      )
    }
  })

  test('on a terminal each secret is asked for, and what is typed is not shown', async () => {
    const { terminal, shown } = terminalOf('FLWSECK-canary-X\rcanary-hash\r', true)
    assert.deepEqual(await readFields('flutterwave', nothing, terminal), {
      secret_key: 'FLWSECK-canary-X',
      secret_hash: 'canary-hash',
    })
    const text = shown()
    assert.match(
      text,
      /^Secret key: Flutterwave dashboard, Settings, API keys\nWebhook secret hash: Flutterwave dashboard/,
    )
    assert.match(text, /Secret key \(secret_key, not shown\): \nWebhook secret hash/)
    assert.doesNotMatch(text, /canary/)
  })
})
