import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { createSandbox, type Sandbox, type SandboxOptions } from './index.ts'

export interface StartSandbox {
  /** Default 127.0.0.1. */
  host?: string
  /** 0: any free port. */
  port: number
  dataFile?: string
  webhookRetryDelaysMs?: number[]
  /** See `SandboxOptions`. */
  token?: string | null
  themes?: SandboxOptions['themes']
  /** Where the outside reaches it, when that is not the address it listens on; without a trailing slash. */
  publicUrl?: string
}

export interface RunningSandbox {
  url: string
  port: number
  sandbox: Sandbox
  close(): Promise<void>
}

/** The sandbox alone, on a port of its own, mounted under `/sandbox` as in the whole server. */
export async function startSandbox(options: StartSandbox): Promise<RunningSandbox> {
  const host = options.host ?? '127.0.0.1'
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 500 } })
  const { dataFile, webhookRetryDelaysMs, token, themes } = options
  const sandboxOptions: SandboxOptions = {
    publicUrl: options.publicUrl ?? '',
    ...(dataFile !== undefined && { dataFile }),
    ...(themes && { themes }),
    ...(token && { token, allowPrivateWebhooks: false }),
    ...(webhookRetryDelaysMs && { webhookRetryDelaysMs }),
  }
  const sandbox = createSandbox(sandboxOptions)
  const close = async () => {
    await app.close()
    await sandbox.close()
  }
  try {
    await app.register(sandbox.register, { prefix: '/sandbox' })
    await app.listen({ host, port: options.port })
  } catch (error) {
    await close()
    throw error
  }
  const { port } = app.server.address() as AddressInfo
  // A free port is known only now; the sandbox reads its address when it builds a link.
  sandboxOptions.publicUrl ||= `http://${host.includes(':') ? `[${host}]` : host}:${port}/sandbox`
  return { url: sandboxOptions.publicUrl, port, sandbox, close }
}
