import { type Html, html } from '../checkout/html.ts'
import { nameOf, type Shape } from './document.ts'

/** Words of the document: paragraphs, and what stands between backticks as code. */
export const words = (text: string | undefined): Html[] =>
  (text ?? '').split('\n\n').flatMap((one) => (one.trim() === '' ? [] : [html`<p>${inline(one)}</p>`]))

export const inline = (text: string): Html[] =>
  text.split('`').map((one, index) => (index % 2 === 1 ? html`<code>${one}</code>` : html`${one}`))

/** What a value is, in a few words: `text or null`, `Customer`, `list of Event`. */
export function kindOf(shape: Shape): Html[] {
  if (shape.$ref) return [html`<a href="#schema-${nameOf(shape.$ref)}">${nameOf(shape.$ref)}</a>`]
  if (shape.anyOf) return joined(shape.anyOf.map(kindOf))
  if (shape.allOf) return shape.allOf.flatMap((one, index) => (index === 0 ? kindOf(one) : []))
  const types = [shape.type ?? 'anything'].flat()
  return joined(types.map((type) => ofType(type, shape)))
}

function ofType(type: string, shape: Shape): Html[] {
  if (type === 'array') return [html`list of `, ...(shape.items ? kindOf(shape.items) : [html`anything`])]
  if (type === 'string') return [html`${formats[shape.format ?? ''] ?? 'text'}`]
  return [html`${types[type] ?? type}`]
}

const formats: Readonly<Record<string, string>> = {
  'date-time': 'time',
  email: 'e-mail address',
  uri: 'address',
  uuid: 'UUID',
}
const types: Readonly<Record<string, string>> = { integer: 'whole number', boolean: 'true or false' }

const joined = (parts: Html[][]): Html[] => parts.flatMap((one, index) => (index === 0 ? one : [html` or `, ...one]))

/** What is allowed beyond the kind. */
function limitsOf(shape: Shape): string {
  const values = (shape.enum ?? []).filter((one) => one !== null).map(String)
  return [
    values.length > 0 && `One of: ${values.join(', ')}.`,
    shape.const !== undefined && `Always ${String(shape.const)}.`,
    shape.minimum !== undefined && `At least ${shape.minimum}.`,
    shape.maximum !== undefined && `At most ${shape.maximum}.`,
    shape.maxLength !== undefined && `At most ${shape.maxLength} characters.`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** The fields of an object, those of the objects in it below them. */
export function fieldRows(shape: Shape, around = ''): Html[] {
  const { properties = {}, required = [] } = shape
  return Object.entries(properties).flatMap(([name, one]) => {
    const isList = one.type === 'array'
    const inner = isList ? one.items : one
    const row = fieldRow(around + name, one, required.includes(name))
    return inner?.properties ? [row, ...fieldRows(inner, `${around}${name}${isList ? '[]' : ''}.`)] : [row]
  })
}

export const fieldRow = (name: string, shape: Shape, isRequired: boolean, description = shape.description): Html =>
  html`<tr><th scope="row"><code>${name}</code>${isRequired && html` <small>required</small>`}</th><td>${kindOf(shape)}</td><td>${inline([description, limitsOf(shape)].filter(Boolean).join('. ').replace('..', '.'))}</td></tr>`

export const fieldTable = (caption: string, rows: Html[]): Html | null =>
  rows.length === 0
    ? null
    : html`<div class="wide"><table><caption>${caption}</caption><thead><tr><th scope="col">Field</th><th scope="col">Is</th><th scope="col">Means</th></tr></thead><tbody>${rows}</tbody></table></div>`
