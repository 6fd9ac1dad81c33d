import type { Sandbox } from '../../sandbox/index.ts'
import type { CredentialField } from '../channels/channel.ts'
import { listChannels, sandboxCredentials } from '../channels/index.ts'
import * as businesses from '../domain/businesses/service.ts'
import { hookUrl } from '../domain/payment-channels/schema.ts'
import { connect, listAccounts } from '../domain/payment-channels/service.ts'
import type { Context } from '../platform/context.ts'

/** On a first start with the sandbox: a business with every channel connected to it. Gives its id, or null if there was one. */
export async function createDemo(ctx: Context): Promise<string | null> {
  const [existing] = await businesses.list(ctx)
  if (existing) return null
  const businessId = await businesses.create(ctx, 'Demo Business', 'NGN', businesses.commandLine)
  for (const [at, channel] of listChannels().entries()) {
    await connect(ctx, {
      businessId,
      envMode: 'test',
      slug: channel.slug,
      fields: sandboxCredentials(channel),
      makeDefault: at === 0,
      actor: businesses.commandLine,
    })
  }
  return businessId
}

/** Tells the sandbox where each sandbox account's webhooks go, as one would in the provider's dashboard. */
export async function introduceAccounts(ctx: Context, sandbox: Sandbox): Promise<void> {
  for (const { id } of await businesses.list(ctx)) {
    const business = await businesses.find(ctx, id, 'test')
    for (const account of await listAccounts(ctx, { businessId: id, envMode: 'test' })) {
      if (!account.isSandbox) continue
      const credentials = account.credentials as Record<string, string | null>
      const { credentialFields } = account.channel
      const valueFor = (use: CredentialField['use']) =>
        credentials[credentialFields.find((field) => field.use === use)?.name ?? ''] ?? null
      sandbox.setAccount({
        channel: account.slug,
        secretKey: valueFor('account') ?? '',
        webhookUrl: hookUrl(ctx.baseUrl, business, account.slug),
        webhookSecret: valueFor('webhooks'),
      })
    }
  }
}
