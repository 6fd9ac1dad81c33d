import type { SealedColumn } from './platform/sealed.ts'

/**
 * Every column that holds sealed values, so that a change of the master key finds them all. A test holds this list
 * against the schema: a column of bytes that is neither here nor known to be no secret turns it red.
 */

const byId = [['id', 'uuid']] as const
const boundToId = (table: string) => `'${table}/' || id`

export const sealedColumns: readonly SealedColumn[] = [
  { table: 'api_keys', column: 'key_sealed', key: byId, boundTo: boundToId('api_keys'), hashColumn: 'key_hash' },
  {
    table: 'business_payment_channels',
    column: 'credentials_sealed',
    key: byId,
    boundTo: `'business_payment_channels/' || business_id || '/' || env_mode || '/' || payment_channel_slug`,
  },
  { table: 'webhook_endpoints', column: 'secret_sealed', key: byId, boundTo: boundToId('webhook_endpoints') },
  { table: 'webhook_endpoints', column: 'previous_secret_sealed', key: byId, boundTo: boundToId('webhook_endpoints') },
  { table: 'payment_methods', column: 'token_sealed', key: byId, boundTo: boundToId('payment_methods') },
  { table: 'mails', column: 'data_sealed', key: byId, boundTo: boundToId('mails') },
  { table: 'hook_inbox', column: 'body_sealed', key: byId, boundTo: boundToId('hook_inbox') },
  {
    table: 'idempotency_keys',
    column: 'response_body',
    key: [
      ['business_id', 'uuid'],
      ['env_mode', 'text'],
      ['key', 'text'],
    ],
    boundTo: `'idempotency_keys/' || business_id || '/' || env_mode || '/' || key`,
  },
]
