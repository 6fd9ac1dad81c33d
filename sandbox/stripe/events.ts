import Stripe from 'stripe'
import type { Operation } from '../faults.ts'
import { newId, nextNumber, nowSeconds, type Stripe as Records, SLUG } from './records.ts'
import type { View } from './views.ts'

/** The version that events are written in: the package's own, as an endpoint made by it would have. */
export const API_VERSION: string = Stripe.API_VERSION

/** Stripe keeps 30 days of events; here only so many, or a load test would fill the memory. */
const EVENTS_KEPT_MAX = 2000

/** Records that something happened and queues its webhook. Inside the `store.write` of what it tells. */
export function emit(st: Records, secretKey: string, operation: Operation, type: string, object: View): void {
  const account = st.core.accounts.find(SLUG, secretKey)
  const wanted = account.webhookUrl !== null && isWanted(st, secretKey, type)
  const created = nowSeconds()
  const body = {
    ...{ id: newId('evt', 24), object: 'event', api_version: API_VERSION, created, data: { object } },
    ...{ livemode: false, pending_webhooks: wanted ? 1 : 0 },
    request: st.origin ?? { id: null, idempotency_key: null },
    type,
  }
  const number = nextNumber(st, 'event')
  st.events.put(String(number), { id: body.id, secretKey, created, body })
  st.events.remove(String(number - EVENTS_KEPT_MAX))
  if (wanted) st.core.notify(account, operation, body)
}

/** An endpoint made through the API chooses its events; one that the control set gets all. */
function isWanted(st: Records, secretKey: string, type: string): boolean {
  const [endpoint] = st.endpoints.by('owner', secretKey)
  return endpoint === undefined || endpoint.enabledEvents.some((one) => one === '*' || one === type)
}
