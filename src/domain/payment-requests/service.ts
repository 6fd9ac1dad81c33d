/** What other nouns may ask of payment requests: to find, show and make them, and where they are paid. */

export {
  find,
  findId,
  findMaybeIdByRef,
  keyOf,
  list,
  listVersions,
  load,
  loadMaybe,
  present,
  presentWith,
} from './find.ts'
export { duplicateReference, type ForCharge, insert, insertForCharge } from './insert.ts'
export { checkoutToken, checkoutUrl, payUrl, readCheckoutToken } from './link.ts'
export type { NewTransaction, Owner, RequestFilter } from './store.ts'
export type { NewRequest } from './store-insert.ts'
