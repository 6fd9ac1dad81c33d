import { type Html, html, trusted } from '../checkout/html.ts'
import type { ApiDocument, Operation } from './document.ts'
import { eventPart, operationPart, schemaPart } from './operations.ts'
import { words } from './shapes.ts'
import { style } from './style.ts'

/**
 * The API reference: one page without a script, drawn from the document. `baseUrl`: where this API is reached. It asks
 * nothing of any other host.
 */
export function referencePage(document: ApiDocument, baseUrl: string): string {
  const groups = groupsOf(document)
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title} API reference</title><link rel="icon" href="data:,"><style>${trusted(style)}</style></head>
<body><main><p class="to"><a href="#contents">Contents</a></p>${firstPayment(baseUrl)}${everyCall()}
${groups.map(({ name, description, operations }) => groupPart(document, name, description, operations))}
<h2 id="events"><a href="#events">Events</a></h2>${words(eventsText)}
${Object.entries(document.webhooks).map(([type, { post }]) => eventPart(document, type, post))}
<h2 id="schemas"><a href="#schemas">Shapes and errors</a></h2>
${Object.entries(document.components.schemas)
  .filter(([name]) => !name.endsWith('Body'))
  .map(([name, shape]) => schemaPart(name, shape))}
</main>${contents(document, groups)}</body></html>`
  return page.markup
}

interface Placed {
  method: string
  path: string
  said: Operation
}

interface Group {
  name: string
  description: string
  operations: Placed[]
}

function groupsOf({ tags, paths }: ApiDocument): Group[] {
  const placed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, said]): Placed => ({ method, path, said })),
  )
  return tags
    .map(({ name, description }) => ({
      name,
      description,
      operations: placed.filter(({ said }) => said.tags[0] === name),
    }))
    .filter(({ operations }) => operations.length > 0)
}

const idOf = (name: string) => name.toLowerCase().replaceAll(' ', '-')

function groupPart(document: ApiDocument, name: string, description: string, operations: Placed[]): Html {
  const parts = operations.map(({ method, path, said }) => operationPart(document, method, path, said))
  return html`<h2 id="${idOf(name)}"><a href="#${idOf(name)}">${name}</a></h2>${words(description)}${parts}`
}

function contents(document: ApiDocument, groups: Group[]): Html {
  const items = (of: Group) =>
    of.operations.map(({ said }) => html`<li><a href="#${said.operationId}">${said.summary}</a></li>`)
  return html`<nav id="contents" aria-label="Contents"><p><b>${document.info.title}</b> ${document.info.version}</p><ul>
<li><a href="#first-payment">Your first payment</a></li><li><a href="#every-call">What every call has</a></li>
${groups.map((one) => html`<li><details><summary>${one.name}</summary><ul><li><a href="#${idOf(one.name)}">All of them</a></li>${items(one)}</ul></details></li>`)}
<li><a href="#events">Events</a></li><li><a href="#schemas">Shapes and errors</a></li>
<li><a href="/openapi.json">OpenAPI document</a></li></ul></nav>`
}

/** What the page opens on. */
function firstPayment(baseUrl: string): Html {
  const initiate = [
    `curl -s ${baseUrl}/v1/payment-requests \\`,
    "  -H 'Authentication: Bearer async_skt_…' \\",
    "  -H 'Content-Type: application/json' \\",
    `  -d '{"customer_email":"ada@example.com","amount":"100","currency":"NGN","description":"My first payment"}'`,
  ].join('\n')
  const verify = [
    `curl -s -X PATCH ${baseUrl}/v1/payment-requests/<ref>/verify \\`,
    "  -H 'Authentication: Bearer async_skt_…'",
  ].join('\n')
  return html`<section id="first-payment"><h1>Your first payment</h1>
<ol>
<li>Take a secret key of test mode, <code>async_skt_…</code>. It stays on your server.</li>
<li><a href="#initiatePaymentRequest">Initiate a payment request</a>:<pre tabindex="0"><code>${initiate}</code></pre></li>
<li>Send the customer to <code>data.action</code> of the answer. In test mode you pay there with the cards that the page shows.</li>
<li>Your server is told by the event <a href="#event-payment.completed.successfully"><code>payment.completed.successfully</code></a>. Until it listens, ask: <pre tabindex="0"><code>${verify}</code></pre> A payment request whose <code>status</code> is <code>successful</code> is paid. What a browser says proves nothing.</li>
</ol></section>`
}

const everyCall = (): Html => html`<section id="every-call"><h2><a href="#every-call">What every call has</a></h2>
<ul>
<li>The key: <code>Authentication: Bearer &lt;key&gt;</code>, or <code>Authorization: Bearer &lt;key&gt;</code>. It alone says which business and which mode, test or live.</li>
<li>Amounts are sent in major units, as text or number (<code>"100.50"</code>), and answered as text. Digits that the currency does not have are refused, never rounded. Times are UTC.</li>
<li>A POST takes an <code>Idempotency-Key</code>: the same key and body give the first answer again, and nothing happens twice.</li>
<li>Success is <code>{"message", "status": "success", "data"}</code>; failure <code>{"status": "failed", "message", "error", "error_code", "error_description", "error_data"}</code>. Build on <code>error</code> and <code>error_code</code>; a 422 <code>VALIDATION_FAILED</code> names every wrong field in <code>error_data</code>.</li>
<li>Every answer has a <code>Request-Id</code>. 429 and 503 have <code>Retry-After</code>: wait so many seconds and send the same again.</li>
<li>A field that is not known here is ignored. In test mode the header <code>Asyncpay-Unknown-Fields</code> names it, and the field that was meant.</li>
<li>Lists are pages, newest first: <code>page</code> and <code>per_page</code>, or <code>after</code> and <code>before</code> with the cursors that each page gives.</li>
</ul></section>`

const eventsText =
  'What your server is sent, to each of its webhook endpoints, as `{"event", "data"}`. Acknowledge with any 2xx. Each is sent at least once, and those of one object in order: remember `webhook-id`, and check `webhook-signature`.'
