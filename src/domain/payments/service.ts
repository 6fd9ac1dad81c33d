/** What the API and other nouns may ask about payments, over what is asked and its attempts. */

export { cancel } from './cancel.ts'
export { type Charged, chargeMethod } from './charge-method.ts'
export { choose, explain } from './choose.ts'
export { create, type Initiated, initiate } from './initiate.ts'
export { relay } from './relay.ts'
export { createSaveMethod, saveMethod } from './save-method.ts'
export { runWithin } from './velocity.ts'
export { verify } from './verify.ts'
