import type { Sandbox } from '../../sandbox/index.ts'
import { channels } from '../channels/index.ts'
import * as businesses from '../domain/businesses/service.ts'
import { hookUrl } from '../domain/payment-channels/schema.ts'
import { connect, listAccounts } from '../domain/payment-channels/service.ts'
import type { Context } from '../platform/context.ts'
import { randomHex } from '../platform/ids.ts'

/** On a first start with the sandbox: a business with every channel connected to it. Gives its id, or null if there was one. */
export async function createDemo(ctx: Context): Promise<string | null> {
  const [existing] = await businesses.list(ctx)
  if (existing) return null
  const businessId = await businesses.create(ctx, 'Demo Business', 'NGN', 'cli')
  for (const channel of channels) {
    await connect(ctx, {
      businessId,
      envMode: 'test',
      slug: channel.slug,
      fields: sandboxCredentials[channel.slug]?.() ?? {},
      makeDefault: channel === channels[0],
      actor: 'cli',
    })
  }
  return businessId
}

/** Test credentials that only the sandbox takes, in each provider's form. */
export const sandboxCredentials: Readonly<Record<string, () => Record<string, string>>> = {
  paystack: () => ({ secret_key: `sk_test_sandbox_${randomHex(20)}` }),
  flutterwave: () => ({ secret_key: `FLWSECK_TEST-sandbox-${randomHex(16)}-X`, secret_hash: randomHex(16) }),
  stripe: () => ({ secret_key: `sk_test_sandbox_${randomHex(20)}`, webhook_secret: `whsec_${randomHex(16)}` }),
}

/** Tells the sandbox where each sandbox account's webhooks go, as one would in the provider's dashboard. */
export async function introduceAccounts(ctx: Context, sandbox: Sandbox): Promise<void> {
  for (const { id } of await businesses.list(ctx)) {
    const business = await businesses.find(ctx, id, 'test')
    for (const account of await listAccounts(ctx, { businessId: id, envMode: 'test' })) {
      const credentials = account.credentials as Record<string, string | undefined>
      if (!account.isSandbox) continue
      sandbox.setAccount({
        channel: account.slug,
        secretKey: credentials.secret_key ?? '',
        webhookUrl: hookUrl(ctx.baseUrl, business, account.slug),
        webhookSecret: credentials.secret_hash ?? credentials.webhook_secret ?? null,
      })
    }
  }
}
