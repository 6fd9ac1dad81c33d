/**
 * Every column that can hold words, judged: whether a person may stand in it, and what an erasure makes of it there. A test
 * holds this against the schema, so that a new column is judged before it is kept.
 */

/** Null after an erasure, or holding nothing but what `erased-{uuid}@erased.invalid` says. */
export const blankedColumns: Record<string, readonly string[]> = {
  customers: [
    ...['email', 'email_key', 'first_name', 'last_name', 'name', 'phone_code', 'phone_number', 'address_line_1'],
    ...['address_line_2', 'city', 'state', 'zip', 'country', 'external_customer_ids', 'meta_data'],
  ],
  hook_inbox: ['body', 'body_sealed'],
  mails: ['recipient', 'data_sealed', 'last_error'],
  payment_methods: ['brand', 'bank', 'last4', 'signature'],
  payment_requests: [
    ...['description', 'meta_data', 'sent_customer', 'logo', 'success_redirect_url', 'failure_redirect_url'],
  ],
  portal_links: ['return_url'],
  refunds: ['reason', 'failure_reason'],
  transactions: ['description', 'reason', 'checkout_url'],
  webhook_attempts: ['response_excerpt', 'error'],
}

/** Written anew without the person: the rest of it is the books. */
export const rewrittenColumns: Record<string, readonly string[]> = {
  // A buyer's own goes, with the salt without which the digest says nothing; a secret key's is its owner's and stays.
  audit_log: ['address', 'address_digest'],
  events: ['body'],
  idempotency_keys: ['response_body'],
  payment_methods: ['token_sealed'],
  // A line says that a channel declined, and not its words.
  timeline_records: ['summary'],
}

/** What the business, the channel or the code writes, and names no person. */
export const impersonalColumns: Record<string, readonly string[]> = {
  api_keys: ['env_mode', 'kind', 'key_hash', 'key_sealed', 'label', 'scopes'],
  // Names of a person's fields and never their values.
  audit_links: ['row_digests', 'previous_digest', 'digest', 'signature'],
  audit_log: ['env_mode', 'actor_kind', 'actor', 'action', 'detail'],
  business_modes: [
    ...['env_mode', 'webhook_url', 'default_redirect_url', 'hook_token', 'route_by', 'allowed_domains'],
    ...['on_overpayment', 'on_underpayment', 'public_key_sells'],
  ],
  business_payment_channels: ['env_mode', 'payment_channel_slug', 'credentials_sealed'],
  businesses: ['name', 'logo', 'business_category', 'base_currency'],
  // Made of the business's name and digits.
  customers: ['env_mode', 'customer_id'],
  erasures: ['env_mode'],
  events: ['env_mode', 'type', 'object_type'],
  exchange_rates: ['currency', 'source'],
  // The subject is references of ours and of the channel.
  hook_inbox: ['env_mode', 'payment_channel_slug', 'event_key', 'event_type', 'subject', 'outcome'],
  // The merchant's own name of a request, kept for 72 hours.
  idempotency_keys: ['env_mode', 'key', 'fingerprint'],
  mails: ['env_mode', 'dedupe_key', 'template', 'status'],
  master_keys: ['current_head'],
  payment_methods: ['env_mode', 'payment_channel_slug', 'type', 'status'],
  payment_requests: [
    ...[
      'ref',
      'env_mode',
      'intent',
      'status',
      'currency',
      'amount_to_usd',
      'reference',
      'payment_method',
      'created_by',
    ],
  ],
  portal_links: ['env_mode'],
  processes: ['known_heads', 'current_head'],
  refunds: ['ref', 'env_mode', 'origin', 'status', 'currency', 'channel_reference'],
  subscription_periods: ['env_mode', 'currency', 'status'],
  subscription_plans: [
    ...['env_mode', 'name', 'status', 'interval', 'billing_calendar', 'time_zone', 'currency', 'amount_to_usd'],
    ...['initial_amount_to_usd', 'tags', 'meta_data', 'link_id'],
  ],
  subscriptions: ['env_mode', 'status', 'interval', 'billing_calendar', 'time_zone'],
  timeline_records: ['payment_method', 'status'],
  transactions: [
    ...['ref', 'env_mode', 'payment_channel_slug', 'mode', 'status', 'currency', 'amount_to_usd', 'payment_method'],
    ...['channel_reference', 'channel_transaction_id', 'received_currency', 'refusal', 'refund_due_origin'],
  ],
  // A digest that names nobody to who does not know the address.
  trials: ['mailbox'],
  webhook_deliveries: ['status'],
  webhook_endpoints: ['env_mode', 'kind', 'url', 'events', 'secret_sealed', 'previous_secret_sealed'],
}
