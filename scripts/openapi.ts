import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { openRuntime } from '../src/runtime.ts'

/** The OpenAPI document of the routes, as text. `prepare` may put a migrated database into the folder of the run. */
export async function openApiText(prepare: (dataDir: string) => Promise<void> = async () => {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'asyncpay-openapi-'))
  await prepare(folder)
  const runtime = await openRuntime(readConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }))
  try {
    const app = await createApp(runtime.ctx, { rateLimit: 1_000, http: runtime.config })
    const text = `${JSON.stringify(app.swagger(), null, 2)}\n`
    await app.close()
    return text
  } finally {
    await runtime.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
