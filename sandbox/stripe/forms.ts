import { invalid } from './errors.ts'

/** A decoded form: texts, and objects for bracketed keys; a list is an object with the keys 0, 1, 2. */
export interface Form {
  [key: string]: string | Form | undefined
}

/** Deeper and longer than any request of Stripe's. */
const DEPTH_MAX = 8
const KEYS_MAX = 1000

/** `{'a[b][0]': 'x'}` → `{a: {b: {0: 'x'}}}`. Names become keys of objects without a prototype, so none is dangerous. */
export function formOf(flat: unknown): Form {
  const root = empty()
  if (typeof flat !== 'object' || flat === null) return root
  const entries = Object.entries(flat)
  if (entries.length > KEYS_MAX) throw invalid('Too many parameters.')
  for (const [name, value] of entries) {
    for (const one of Array.isArray(value) ? value : [value]) put(root, keysOf(name), String(one))
  }
  return root
}

const empty = (): Form => Object.create(null) as Form

function keysOf(name: string): string[] {
  const parts = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name)
  const inner = [...(parts?.[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map(([, key]) => key!)
  if (!parts || inner.length > DEPTH_MAX) throw invalid(`Invalid parameter name: ${name}`, name)
  return [parts[1]!, ...inner]
}

function put(form: Form, keys: readonly string[], value: string): void {
  const [first, ...rest] = keys
  // `expand[]`: the next free number.
  const key = first === '' ? String(Object.keys(form).length) : first!
  if (rest.length === 0) {
    form[key] = value
    return
  }
  const inner = form[key]
  const next = typeof inner === 'object' ? inner : empty()
  form[key] = next
  put(next, rest, value)
}

/** What stands at `a.b.0`, as an object; null where there is none. */
export function partOf(form: Form, path: string): Form | null {
  const found = at(form, path)
  return typeof found === 'object' ? found : null
}

/** A text; null when absent or empty. */
export function textOf(form: Form, path: string): string | null {
  const found = at(form, path)
  return typeof found === 'string' && found !== '' ? found : null
}

export function listOf(form: Form, path: string): (string | Form)[] {
  return Object.values(partOf(form, path) ?? {}).filter((one) => one !== undefined)
}

export function textsOf(form: Form, path: string): string[] {
  return listOf(form, path).filter((one) => typeof one === 'string')
}

/** `a.b` as Stripe names it: `a[b]`. */
export const nameOf = (path: string): string => path.replace(/\.([^.]+)/g, '[$1]')

export function wholeOf(form: Form, path: string): number | null {
  const text = textOf(form, path)
  if (text === null) return null
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  throw invalid(`Invalid integer: ${text}`, nameOf(path), 'parameter_invalid_integer')
}

export function isTrue(form: Form, path: string): boolean {
  return textOf(form, path) === 'true'
}

export function oneOf<T extends string>(form: Form, path: string, allowed: readonly T[]): T | null {
  const text = textOf(form, path)
  if (text === null || allowed.includes(text as T)) return text as T | null
  throw invalid(`Invalid ${nameOf(path)}: must be one of ${allowed.join(', ')}`, nameOf(path))
}

/** Limits of the API reference, "Metadata" (read 2026-11-20). */
const METADATA_KEYS_MAX = 50
const METADATA_KEY_MAX = 40
const METADATA_VALUE_MAX = 500

export function metadataOf(form: Form, path = 'metadata'): Record<string, string> {
  const entries = Object.entries(partOf(form, path) ?? {}).filter(
    ([, value]) => typeof value === 'string' && value !== '',
  )
  if (entries.length > METADATA_KEYS_MAX) throw invalid('Metadata can have at most 50 keys.', nameOf(path))
  for (const [key, value] of entries as [string, string][]) {
    if (key.length > METADATA_KEY_MAX) throw invalid(`Metadata keys can be at most 40 characters: ${key}`, nameOf(path))
    if (value.length > METADATA_VALUE_MAX) throw invalid('Metadata values can be at most 500 characters.', nameOf(path))
  }
  return Object.fromEntries(entries) as Record<string, string>
}

export function urlOf(form: Form, path: string): string | null {
  const url = textOf(form, path)
  if (url === null || /^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url
  throw invalid('Not a valid URL', nameOf(path), 'url_invalid')
}

/** A parameter that the operation does not know: the newest API no longer takes some that all documentation still shows. */
export function refuseUnknown(form: Form, known: string): void {
  const names = new Set(known.split(/\s+/))
  const unknown = Object.keys(form).find((name) => !names.has(name))
  if (unknown !== undefined) throw invalid(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown')
}

function at(form: Form, path: string): string | Form | undefined {
  let found: string | Form | undefined = form
  for (const key of path.split('.')) found = typeof found === 'object' ? found[key] : undefined
  return found
}
