/** What other nouns and the routes may ask of payment requests. */
export { find, findId, list, load, present } from './find.ts'
export { type Initiated, initiate } from './initiate.ts'
export { cancel, refreshAttempt, refreshByReference, verify } from './outcome.ts'
