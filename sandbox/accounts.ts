import type { Collection, Store } from './store.ts'

/** A merchant at a provider. Its secret key is all there is to know it by. */
export interface Account {
  channel: string
  secretKey: string
  /** Where webhooks go; null: nowhere. */
  webhookUrl: string | null
  /** What signs them, where the provider has a secret apart from the key. */
  webhookSecret: string | null
  /** Whether the body is signed as well, where the provider by itself only shows its secret (Flutterwave). */
  signsBody?: boolean
}

export class Accounts {
  readonly #accounts: Collection<Account>

  constructor(store: Store) {
    this.#accounts = store.collection<Account>('accounts')
  }

  /** Any test key is an account, made by being used; only what was set has to be kept. */
  find(channel: string, secretKey: string): Account {
    const known = this.#accounts.get(`${channel} ${secretKey}`)
    return known ?? { channel, secretKey, webhookUrl: null, webhookSecret: null }
  }

  /** Saying the same again writes nothing: a server says it at every start. */
  set({ channel, secretKey, webhookUrl, webhookSecret, signsBody = false }: Account): void {
    const known = this.#accounts.get(`${channel} ${secretKey}`)
    const isSame = known?.webhookUrl === webhookUrl && known.webhookSecret === webhookSecret
    if (isSame && (known.signsBody ?? false) === signsBody) return
    this.#accounts.put(`${channel} ${secretKey}`, { channel, secretKey, webhookUrl, webhookSecret, signsBody })
  }
}
