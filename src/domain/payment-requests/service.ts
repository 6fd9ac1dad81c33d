/** What other nouns and the routes may ask of payment requests. */

export {
  findMaybeNamed,
  type Named,
  refreshAttempt,
  refreshByReference,
  refreshRequest,
  verify,
} from './ask.ts'
export {
  type ChargeOptions,
  type ChargeOutcome,
  chargeRequest,
  type ForCharge,
  insertForCharge,
} from './charge.ts'
export { type Charged, chargeMethod } from './charge-method.ts'
export { choose, explain } from './choose.ts'
export { cancel } from './end.ts'
export {
  claimExcess,
  dueExcess,
  findTransaction,
  isSavingSum,
  postponeExcess,
  referenceOf,
  settleExcess,
} from './excess.ts'
export { find, findId, findMaybeIdByRef, keyOf, list, listVersions, load, loadMaybe, present } from './find.ts'
export {
  claimFollowUps,
  dueFollowUps,
  endSoon,
  giveBack,
  keepUntil,
  lockForFollowUp,
  paidBy,
  type Standing,
  settleFollowUp,
} from './follow-up.ts'
export { create, type Initiated, initiate } from './initiate.ts'
export { checkoutToken, checkoutUrl, payUrl, readCheckoutToken } from './link.ts'
export { type ReturnVia, tell } from './open.ts'
export { relay } from './relay.ts'
export { createSaveMethod, saveMethod } from './save-method.ts'
export { lookupOf } from './saved.ts'
export { isPayable as isOpen, isSettled, isUndecided, isUnderWay } from './states.ts'
export { runWithin } from './velocity.ts'
