import { type Html, html } from '../checkout/html.ts'
import { type Answer, type ApiDocument, nameOf, type Operation, type Parameter, type Shape } from './document.ts'
import { fieldRow, fieldRows, fieldTable, inline, kindOf, words } from './shapes.ts'

/** One operation: what it does, what it takes, what it answers, and how it can fail. */
export function operationPart(document: ApiDocument, method: string, path: string, said: Operation): Html {
  const parameters = (said.parameters ?? []).map((one) =>
    one.$ref ? named(document.components.parameters, one.$ref) : one,
  )
  const body = said.requestBody?.content['application/json']
  const shape = body && resolve(document, body.schema)
  return html`<section class="operation" id="${said.operationId}">
<h3><a href="#${said.operationId}">${said.summary}</a></h3>
<p class="address"><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code></p>
${words(said.description)}
<p class="who">${whoOf(said)}</p>
${parameterTable(parameters)}
${shape ? fieldTable('Body', fieldRows(shape)) : null}
${shape ? needsOf(shape) : null}
${body?.example !== undefined && sample(method, path, body.example)}
${answersPart(document, said)}
</section>`
}

const whoOf = ({ security, 'x-scope': scope }: Operation): Html[] => {
  if (security.length === 0) return [html`No key.`]
  if (security.some((one) => 'publicKey' in one)) return [html`With a public key.`]
  return scope ? [html`With a secret key that has the scope <code>${scope}</code>.`] : [html`With a secret key.`]
}

const named = <Part>(parts: Record<string, Part>, ref: string): Part => {
  const part = parts[nameOf(ref)]
  if (part === undefined) throw new Error(`the document has no ${ref}`)
  return part
}

const resolve = (document: ApiDocument, shape: Shape): Shape =>
  shape.$ref ? named(document.components.schemas, shape.$ref) : shape

const placeNames: Readonly<Record<string, string>> = { path: 'In the path', query: 'In the query', header: 'Headers' }

const parameterTable = (parameters: Parameter[]): Html[] =>
  Object.entries(placeNames).flatMap(([place, caption]) => {
    const rows = parameters
      .filter((one) => one.in === place)
      .map((one) => fieldRow(one.name, one.schema, one.required === true, one.description ?? one.schema.description))
    return fieldTable(caption, rows) ?? []
  })

/** "One of …" of the document, in words. */
function needsOf({ allOf = [] }: Shape): Html[] {
  const sets = allOf.map((need) => (need.anyOf ?? []).flatMap((one) => one.required ?? []))
  return sets.filter((one) => one.length > 0).map((fields) => html`<p>One of these is needed: ${listed(fields)}.</p>`)
}

const listed = (fields: string[]): Html[] => fields.map((name, index) => html`${index > 0 && ', '}<code>${name}</code>`)

function sample(method: string, path: string, example: unknown): Html {
  const lines = [
    `curl -s -X ${method.toUpperCase()} ${path} \\`,
    "  -H 'Authentication: Bearer async_skt_…' \\",
    "  -H 'Content-Type: application/json' \\",
    `  -d '${JSON.stringify(example, null, 2).replaceAll("'", "'\\''")}'`,
  ]
  return html`<pre tabindex="0"><code>${lines.join('\n')}</code></pre>`
}

function answersPart(document: ApiDocument, said: Operation): Html {
  const answers = Object.entries(said.responses).map(([status, answer]) => ({
    status,
    answer: answer.$ref ? named(document.components.responses, answer.$ref) : answer,
  }))
  const failed = answers.filter(({ status }) => Number(status) >= 400)
  return html`${answers.filter(({ status }) => Number(status) < 400).map(({ status, answer }) => successPart(status, answer))}
<details><summary>How it can fail</summary><ul>${failed.flatMap(({ status, answer }) => failureItems(status, answer))}</ul></details>`
}

function successPart(status: string, { description, content }: Answer): Html {
  const json = content?.['application/json']
  const data = json?.schema.properties?.data
  const rows = data?.properties ? fieldRows(data) : []
  return html`<details class="answer"><summary><b>${status}</b> ${description ?? ''}</summary>${data && !data.properties ? html`<p><code>data</code> is ${kindOf(data)}.</p>` : null}${fieldTable('data', rows)}${
    json?.example !== undefined && html`<pre tabindex="0"><code>${JSON.stringify(json.example, null, 2)}</code></pre>`
  }</details>`
}

function failureItems(status: string, { content, description = '' }: Answer): Html[] {
  const schema = content?.['application/json']?.schema
  const refs = (schema?.anyOf ?? [schema]).flatMap((one) => one?.$ref ?? [])
  const lines = description.split('\n\n')
  return refs.map(
    (ref, index) =>
      html`<li>${status} <a href="#schema-${nameOf(ref)}">${inline(lines[index] ?? nameOf(ref))}</a></li>`,
  )
}

/** An event that the business's server is sent. */
export function eventPart(document: ApiDocument, type: string, said: Operation): Html {
  const schema = said.requestBody?.content['application/json']?.schema
  const data = schema && resolve(document, schema).properties?.data
  return html`<section class="operation" id="event-${type}"><h3><a href="#event-${type}">${type}</a></h3>${words(said.description)}<p><code>data</code> is ${data ? kindOf(data) : []}.</p></section>`
}

/** A named shape. */
export const schemaPart = (name: string, shape: Shape): Html =>
  html`<section class="operation" id="schema-${name}"><h3><a href="#schema-${name}">${name}</a></h3>${words(shape.description)}${fieldTable('Fields', fieldRows(shape))}</section>`
