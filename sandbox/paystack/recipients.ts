import type { FastifyInstance } from 'fastify'
import { accountName, findBank } from './banks.ts'
import { invalid, missing } from './errors.ts'
import { INTEGRATION, nextId, type Paystack, type Recipient, randomCode } from './records.ts'
import { accountOf, type Body, bodyOf, readMetadata, textOf } from './requests.ts'

const TYPES = ['nuban', 'ghipss', 'mobile_money', 'basa', 'authorization']

export function recipientRoutes(app: FastifyInstance, ps: Paystack): void {
  app.post('/transferrecipient', (request, reply) => {
    const { secretKey } = accountOf(ps, request)
    const recipient = ps.core.store.write(() => createRecipient(ps, secretKey, bodyOf(request)))
    // 201 as in the spec; Paystack's own sample says 200.
    const message = 'Transfer recipient created successfully'
    return reply.code(201).send({ status: true, message, data: recipientView(recipient) })
  })
}

export function findRecipient(ps: Paystack, secretKey: string, code: string): Recipient | undefined {
  return ps.recipients.by('code', `${secretKey} ${code}`)[0]
}

/** The same bank account gives back the same recipient. */
function createRecipient(ps: Paystack, secretKey: string, body: Body): Recipient {
  const type = textOf(body, 'type')
  if (type === null || !TYPES.includes(type)) throw invalid('Recipient type is invalid', 'invalid_recipient_type')
  const name = textOf(body, 'name')
  if (name === null) throw missing('Name is required')
  const account = readAccount(type, body)
  const key = `${secretKey} ${type} ${account.bankCode} ${account.accountNumber} ${account.authorizationCode ?? ''}`
  const known = ps.recipients.get(key)
  if (known) return known
  return ps.recipients.put(key, {
    ...{ id: nextId(ps), secretKey, code: randomCode('RCP_', 15), type, name, ...account },
    currency: (textOf(body, 'currency') ?? findBank(account.bankCode)?.currency ?? 'NGN').toUpperCase(),
    description: textOf(body, 'description') ?? '',
    email: textOf(body, 'email'),
    metadata: readMetadata(body) || null,
    createdAt: new Date().toISOString(),
  })
}

function readAccount(type: string, body: Body): Pick<Recipient, 'accountNumber' | 'bankCode' | 'authorizationCode'> {
  const authorizationCode = textOf(body, 'authorization_code')
  if (type === 'authorization') {
    if (authorizationCode === null) throw missing('Authorization code is required')
    return { accountNumber: '', bankCode: '', authorizationCode }
  }
  const accountNumber = textOf(body, 'account_number')
  const bankCode = textOf(body, 'bank_code')
  if (accountNumber === null || bankCode === null) throw missing('Account number and bank code are required')
  if (!findBank(bankCode)) throw invalid(`Unknown bank code: ${bankCode}`, 'invalid_params')
  if (accountName(accountNumber) === null) {
    throw invalid('Cannot resolve account', 'invalid_account_number', 'Ensure that the account number is right')
  }
  return { accountNumber, bankCode, authorizationCode }
}

export function recipientView(recipient: Recipient): Record<string, unknown> {
  const { id, code, type, name, currency, description, email, metadata, createdAt, accountNumber, bankCode } = recipient
  return {
    ...{ active: true, createdAt, updatedAt: createdAt, created_at: createdAt, updated_at: createdAt },
    ...{ currency, description, domain: 'test', email, id, integration: INTEGRATION, metadata, name },
    ...{ recipient_code: code, type, is_deleted: false, isDeleted: false },
    details: {
      authorization_code: recipient.authorizationCode,
      account_number: accountNumber,
      account_name: accountName(accountNumber),
      bank_code: bankCode,
      bank_name: findBank(bankCode)?.name ?? '',
    },
  }
}
