import { type Call, ownOf } from './calls.ts'
import {
  attachMethod,
  createCustomer,
  deleteCustomer,
  detachMethod,
  findCustomer,
  findMethod,
  listAllMethods,
  listCustomers,
  listMethods,
  updateCustomer,
} from './customers.ts'
import { createEndpoint, deleteEndpoint, findEndpoint, findEvent, listEndpoints, listEvents } from './endpoints.ts'
import { cancelIntent, confirmIntent, createIntent, listIntents, searchIntents, showIntent } from './intents.ts'
import {
  balance,
  cancelPayout,
  createPayout,
  createTransfer,
  findPayout,
  findTransfer,
  listPayouts,
  listTransfers,
} from './payouts.ts'
import { createRefund, findRefund, listRefunds } from './refunds.ts'
import { createSession, expireSession, findSession, listLineItems, listSessions } from './sessions.ts'
import { cancelSetup, confirmSetup, createSetup, findSetup } from './setups.ts'
import { chargeView, customerView, methodView, payoutView, sessionView, setupView } from './views.ts'

type Row = [method: Call['method'], path: string, operation: Call['operation'], handle: Call['handle']]

/** Every path of the API, and what faults may call it. */
const ROWS: readonly Row[] = [
  ['POST', '/checkout/sessions', 'open', createSession],
  ['GET', '/checkout/sessions', 'verify', listSessions],
  ['GET', '/checkout/sessions/:id', 'verify', (st, asked) => sessionView(st, findSession(st, asked))],
  ['GET', '/checkout/sessions/:id/line_items', null, listLineItems],
  ['POST', '/checkout/sessions/:id/expire', 'void', expireSession],

  ['POST', '/payment_intents', 'charge', createIntent],
  ['GET', '/payment_intents', 'verify', listIntents],
  ['GET', '/payment_intents/search', 'verify', searchIntents],
  ['GET', '/payment_intents/:id', 'verify', showIntent],
  ['POST', '/payment_intents/:id/confirm', 'charge', confirmIntent],
  ['POST', '/payment_intents/:id/cancel', 'void', cancelIntent],
  [
    'GET',
    '/charges/:id',
    'verify',
    (st, asked) => chargeView(st, ownOf(st.charges, asked, asked.id, 'charge', 'charge')),
  ],

  ['POST', '/setup_intents', null, createSetup],
  ['GET', '/setup_intents/:id', null, (st, asked) => setupView(st, findSetup(st, asked))],
  ['POST', '/setup_intents/:id/confirm', null, confirmSetup],
  ['POST', '/setup_intents/:id/cancel', null, cancelSetup],

  ['POST', '/customers', null, createCustomer],
  ['GET', '/customers', null, listCustomers],
  ['GET', '/customers/:id', null, (st, asked) => customerView(findCustomer(st, asked))],
  ['POST', '/customers/:id', null, updateCustomer],
  ['DELETE', '/customers/:id', null, deleteCustomer],
  ['GET', '/customers/:id/payment_methods', null, listMethods],
  ['GET', '/payment_methods', null, listAllMethods],
  ['GET', '/payment_methods/:id', null, (st, asked) => methodView(findMethod(st, asked))],
  ['POST', '/payment_methods/:id/attach', null, attachMethod],
  ['POST', '/payment_methods/:id/detach', 'forget', detachMethod],

  ['POST', '/refunds', 'refund', createRefund],
  ['GET', '/refunds', 'fetch_refund', listRefunds],
  ['GET', '/refunds/:id', 'fetch_refund', findRefund],

  ['POST', '/payouts', 'payout', createPayout],
  ['GET', '/payouts', 'fetch_payout', listPayouts],
  ['GET', '/payouts/:id', 'fetch_payout', (st, asked) => payoutView(findPayout(st, asked))],
  ['POST', '/payouts/:id/cancel', 'payout', cancelPayout],
  ['POST', '/transfers', 'payout', createTransfer],
  ['GET', '/transfers', 'fetch_payout', listTransfers],
  ['GET', '/transfers/:id', 'fetch_payout', findTransfer],
  ['GET', '/balance', null, balance],

  ['GET', '/events', null, listEvents],
  ['GET', '/events/:id', null, findEvent],
  ['POST', '/webhook_endpoints', null, createEndpoint],
  ['GET', '/webhook_endpoints', null, listEndpoints],
  ['GET', '/webhook_endpoints/:id', null, findEndpoint],
  ['DELETE', '/webhook_endpoints/:id', null, deleteEndpoint],
]

export const endpoints: readonly Call[] = ROWS.map(([method, path, operation, handle]) => ({
  ...{ method, path: `/v1${path}`, operation, handle },
}))
