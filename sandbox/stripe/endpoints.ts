import { type Asked, listView, ownOf } from './calls.ts'
import { invalid, missing, noSuch } from './errors.ts'
import { API_VERSION } from './events.ts'
import { metadataOf, textOf, textsOf, urlOf } from './forms.ts'
import { type Endpoint, newId, nowSeconds, type Stripe } from './records.ts'
import { endpointView, type View } from './views.ts'

/** Webhook endpoints and the events that they get. An account has one endpoint here: a second one replaces it. */

/** Signs for an account whose secret nobody has set. */
export const DEFAULT_SECRET = 'whsec_sandbox'

export function createEndpoint(st: Stripe, { account, form, secretKey }: Asked): View {
  const url = urlOf(form, 'url')
  if (url === null) throw missing('url')
  const enabledEvents = textsOf(form, 'enabled_events')
  if (enabledEvents.length === 0) throw missing('enabled_events')
  for (const { id } of st.endpoints.by('owner', secretKey)) st.endpoints.remove(id)
  const endpoint: Endpoint = {
    ...{ id: newId('we'), secretKey, created: nowSeconds(), url, enabledEvents },
    ...{ description: textOf(form, 'description'), metadata: metadataOf(form) },
  }
  st.endpoints.put(endpoint.id, endpoint)
  const secret = newId('whsec', 32)
  st.core.accounts.set({ ...account, webhookUrl: url, webhookSecret: secret })
  // The only time that the secret is shown.
  return { ...endpointView(endpoint, API_VERSION), secret }
}

export function findEndpoint(st: Stripe, asked: Asked): View {
  return endpointView(ownOf(st.endpoints, asked, asked.id, 'webhook endpoint', 'webhook_endpoint'), API_VERSION)
}

export function listEndpoints(st: Stripe, { form, secretKey }: Asked): View {
  const own = st.endpoints.by('owner', secretKey)
  return listView(form, '/v1/webhook_endpoints', own, (one) => endpointView(one, API_VERSION))
}

export function deleteEndpoint(st: Stripe, asked: Asked): View {
  const { id } = ownOf(st.endpoints, asked, asked.id, 'webhook endpoint', 'webhook_endpoint')
  return st.core.store.write(() => {
    st.endpoints.remove(id)
    st.core.accounts.set({ ...asked.account, webhookUrl: null, webhookSecret: null })
    return { id, object: 'webhook_endpoint', deleted: true }
  })
}

export function findEvent(st: Stripe, { id, secretKey }: Asked): View {
  const event = st.events.by('id', id).find((one) => one.secretKey === secretKey)
  if (!event) throw noSuch('event', id, 'id')
  return event.body
}

export function listEvents(st: Stripe, { form, secretKey }: Asked): View {
  const type = textOf(form, 'type')
  const types = textsOf(form, 'types')
  if (type !== null && types.length > 0) throw invalid('Only one of type and types may be given.', 'type')
  const wanted = type === null ? types : [type]
  const own = st.events
    .by('owner', secretKey)
    .filter(({ body }) => wanted.length === 0 || wanted.includes(String(body.type)))
  return listView(form, '/v1/events', own, ({ body }) => body)
}
