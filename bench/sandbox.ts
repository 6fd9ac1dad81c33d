import Fastify from 'fastify'
import { createSandbox } from '../sandbox/index.ts'
import { logNormal } from './arithmetic.ts'

/**
 * The providers' emulators as a process of their own, with a real provider's latency. Arguments: port, the channel's
 * secret key, where its webhooks go.
 */
const [port, secretKey, webhookUrl] = process.argv.slice(2)

/** The latency that the bar is for: 120 ms in the middle, 380 ms at the 99th percentile. */
const defaultLatencyMs = () => logNormal(120, 380, Math.random)

const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 500 } })
const sandbox = createSandbox({ publicUrl: `http://127.0.0.1:${port}/sandbox`, defaultLatencyMs })
await app.register(sandbox.register, { prefix: '/sandbox' })
app.get('/', async () => 'ok')
await app.listen({ host: '127.0.0.1', port: Number(port) })
sandbox.setAccount({
  channel: 'paystack',
  secretKey: secretKey ?? '',
  webhookUrl: webhookUrl ?? null,
  webhookSecret: null,
})
