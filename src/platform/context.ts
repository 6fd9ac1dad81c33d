import type { Clock } from './clock.ts'
import type { Database, Db } from './db.ts'
import type { Holder } from './holder.ts'
import type { Limits } from './limits.ts'
import type { Lists } from './lists.ts'
import type { Logger } from './log.ts'
import type { Mailer } from './mail.ts'
import type { Metrics } from './metrics.ts'
import type { createWebhookSender } from './outgoing.ts'
import type { Queue } from './queue.ts'
import type { Secrets } from './secrets.ts'

/** What a service needs of the world. Made once a process; a test makes its own and holds parts of it still. */
export interface Context {
  /** Of the API; for jobs, theirs. */
  readonly db: Db
  readonly lists: Lists
  readonly limits: Limits
  readonly database: Database
  readonly queue: Queue
  readonly holder: Holder
  readonly clock: Clock
  readonly secrets: Secrets
  readonly log: Logger
  readonly metrics: Metrics
  /** The public address, without a trailing slash. */
  readonly baseUrl: string
  readonly sandbox: boolean
  readonly allowPrivateWebhooks: boolean
  /** One keep-alive fetch a channel; asserts that no transaction is open. */
  readonly providerFetch: (slug: string) => typeof globalThis.fetch
  /** Where a channel is reached: the configured address, or null for the channel's own. */
  readonly channelUrl: (slug: string) => string | null
  readonly mailer: Mailer
  readonly webhookSender: ReturnType<typeof createWebhookSender>
}
