import type { ChannelPayment } from '../../src/channels/channel.ts'
import { apply } from '../../src/domain/attempts/ask.ts'
import type { TransactionRow } from '../../src/domain/payment-requests/schema.ts'
import type { TestServer } from './server.ts'

/** The row of an attempt, by its reference. */
export async function attemptRow(server: TestServer, ref: string): Promise<TransactionRow> {
  const row = await server.ctx.db
    .selectFrom('transactions')
    .selectAll()
    .where('ref', '=', ref)
    .executeTakeFirstOrThrow()
  return row as TransactionRow
}

/** A channel's word about an attempt, where the sandbox does not speak it: judged and written like any other. */
export async function hear(server: TestServer, ref: string, word: Partial<ChannelPayment>): Promise<void> {
  const attempt = await attemptRow(server, ref)
  await apply(server.ctx, attempt, {
    status: 'pending',
    channelStatus: word.status ?? 'ongoing',
    reference: ref,
    amountMinor: attempt.amount_minor,
    currency: attempt.currency,
    channelTransactionId: `id-of-${ref}`,
    paymentMethod: 'Bank Transfer',
    reason: null,
    paidAt: null,
    savedMethod: null,
    ...word,
  })
}
