import type { ErrorRow } from '../../platform/errors.ts'

const howToSendSecret =
  'Send the header "Authentication: Bearer <secret key>" with a secret key of this business: async_skt_… in test mode, async_sk_… in live mode.'
const howToSendPublic =
  'Send the header "Authentication: Bearer <public key>" with a public key of this business: async_pkt_… in test mode, async_pk_… in live mode.'

export const businessErrors = {
  invalidSecretKey: {
    code: '001',
    name: 'INVALID_SECRET_KEY',
    status: 401,
    message: 'The secret key is missing or is no secret key',
    description: howToSendSecret,
  },
  incorrectSecretKey: {
    code: '002',
    name: 'INCORRECT_SECRET_KEY',
    status: 401,
    message: 'Nobody has this secret key',
    description: `It is unknown or was revoked. ${howToSendSecret}`,
  },
  invalidPublicKey: {
    code: '003',
    name: 'INVALID_PUBLIC_KEY',
    status: 401,
    message: 'The public key is missing or is no public key',
    description: howToSendPublic,
  },
  incorrectPublicKey: {
    code: '004',
    name: 'INCORRECT_PUBLIC_KEY',
    status: 401,
    message: 'Nobody has this public key',
    description: `It is unknown or was revoked. ${howToSendPublic}`,
  },
} as const satisfies Record<string, ErrorRow>
