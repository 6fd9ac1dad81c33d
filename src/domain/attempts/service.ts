/** What other nouns may ask of attempts: to open, charge, ask, close and void them. */

export {
  closePage,
  findMaybeNamed,
  type Named,
  quietly,
  refreshAttempt,
  refreshByReference,
  refreshRequest,
} from './ask.ts'
export {
  type ChargeOutcome,
  chargeRequest,
  outcomeOf,
  prepare,
  recordCharge,
  sendCharge,
} from './charge.ts'
export { end } from './end.ts'
export { giveUpUnseen, newTransaction, openAtFirst, type ReturnVia, requireFree, voidAttempt } from './open.ts'
export { lookupOf } from './saved.ts'
export { countOutcomes, findMaybeTransactionById, insertTransaction, listTransactions } from './store.ts'
export { withRequest } from './with-request.ts'
