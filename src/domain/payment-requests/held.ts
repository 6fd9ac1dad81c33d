/** What attempts, payments and refunds write to a request, most of it while they hold its row. */

export { endOf, followLater } from './ending.ts'
export {
  dueExpiries,
  dueFollowUps,
  isPlanBeingPaid,
  load as loadHeld,
  lock,
  setExpiry,
  setFollowUpDue,
  setSavedMethod,
} from './store.ts'
export { addTimelineEntry } from './timeline.ts'
