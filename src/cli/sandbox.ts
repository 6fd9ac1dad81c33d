import { join } from 'node:path'
import { startSandbox } from '../../sandbox/server.ts'
import { themeColors } from '../channels/index.ts'
import { type Config, makeDataDir, requireLocked } from '../config.ts'

/** The providers' emulators as a program of their own, until SIGTERM or SIGINT. */
export async function runSandbox(config: Config, port: number): Promise<void> {
  requireLocked({ ...config, sandbox: true })
  makeDataDir(config.dataDir)
  const sandbox = await startSandbox({
    ...{ host: config.host, port, token: config.sandboxToken, themes: themeColors() },
    dataFile: join(config.dataDir, 'sandbox.jsonl'),
  })
  console.log(`Sandbox at ${sandbox.url}; e.g. PAYSTACK_API_URL=${sandbox.url}/paystack`)
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  await sandbox.close()
}
