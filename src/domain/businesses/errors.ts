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
  testClockInLiveMode: {
    code: '014',
    name: 'TEST_CLOCK_IN_LIVE_MODE',
    status: 400,
    message: 'Live time cannot be moved',
    description: 'Only test mode has a clock of its own. Send a secret key of test mode: async_skt_….',
  },
  testClockBusy: {
    code: '015',
    name: 'TEST_CLOCK_BUSY',
    status: 409,
    message: 'The test clock is being moved by another request',
    description: 'Wait for the other request to end. If it died, the clock is free again after two minutes.',
    isPassing: true,
  },
  testClockNotThereYet: {
    code: '016',
    name: 'TEST_CLOCK_NOT_THERE_YET',
    status: 503,
    message: 'The test clock has not come to the end',
    description:
      'So much fell due on the way that one request was not enough. What was done stays done; error_data says how far it came. Call again with its "to", and it goes on.',
    isPassing: true,
  },
  keyScopeMissing: {
    code: '017',
    name: 'KEY_SCOPE_MISSING',
    status: 403,
    message: 'This key may not do that',
    description: 'error_data.scope says what is missing. Use a key that has this scope, or have one made that does.',
  },
} as const satisfies Record<string, ErrorRow>
