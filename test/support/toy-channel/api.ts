import type { ChannelTransport, CredentialField } from '../../../src/channels/channel.ts'
import type { CredentialsOf } from '../../../src/channels/kit/credentials.ts'
import { callEnvelope, type Envelope, type Opened } from '../../../src/channels/kit/envelope.ts'
import { type Exchange, exchange, garbage, type Json, objectOf } from '../../../src/channels/kit/exchange.ts'
import { redact } from '../../../src/channels/kit/redact.ts'
import { type Token, Tokens } from '../../../src/channels/kit/token.ts'
import { textOf } from '../../../src/channels/kit/words.ts'

const where = 'Toy Pay dashboard, Developers'

export const credentialFields = [
  {
    name: 'api_key',
    label: 'API key',
    ...{ where, secret: false, required: true, use: 'account' },
    form: /^toy_(test|live)_\w+$/,
    formWords: 'A Toy Pay key begins with toy_test_ or toy_live_.',
    modes: { test: /^toy_test_/, live: /^toy_live_/ },
    sample: 'toy_test_sandbox_*',
  },
  {
    name: 'api_secret',
    label: 'API secret',
    ...{ where, secret: true, required: true, use: 'webhooks' },
    form: /^[\x21-\x7e]{8,255}$/,
    formWords: 'A Toy Pay secret has 8 letters, digits and signs or more.',
    sample: '*',
  },
] as const satisfies readonly CredentialField[]

export type ToyCredentials = CredentialsOf<typeof credentialFields>

/** `{ok: boolean, message, result}`. */
const envelope: Envelope = {
  verdict: ({ ok }) => (ok === true ? 'done' : ok === false ? 'refused' : null),
  wordsOf: ({ message }) => message,
  dataOf: ({ result }) => result,
  wrongKey: /^unknown (?:key|token)$/i,
}

const provider = 'Toy Pay'
const tokens = new Tokens()

/** One call of the Toy Pay API, after a login where there is no token. Throws `ChannelError` as `callEnvelope` does. */
export function callToy(
  transport: ChannelTransport,
  credentials: ToyCredentials,
  call: Pick<Exchange, 'method' | 'path' | 'moves'> & { body?: Json },
): Promise<Opened> {
  const { api_key, api_secret } = credentials
  return tokens.use({
    account: [transport.baseUrl, api_key, api_secret],
    login: () => logIn(transport, credentials),
    call: (token) => {
      const headers = { authorization: `Bearer ${token}` }
      return callEnvelope(transport, { ...call, headers, provider, secrets: [api_secret, token] }, envelope)
    },
  })
}

async function logIn(transport: ChannelTransport, { api_key, api_secret }: ToyCredentials): Promise<Token> {
  const secrets = [api_secret, Buffer.from(`${api_key}:${api_secret}`).toString('base64')]
  const headers = { authorization: `Basic ${secrets[1]}` }
  const call = { method: 'POST', path: '/login', headers, moves: false, provider, secrets } as const
  const { status, body } = await exchange(transport, call)
  const value = textOf(objectOf(body.result)?.token)
  if (value === null) throw garbage(call, status, redact(body, secrets))
  return { value, livesMs: Number(objectOf(body.result)?.expires_in) * 1000 }
}
