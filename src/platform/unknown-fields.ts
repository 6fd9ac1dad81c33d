import { isRecord } from './json.ts'

/**
 * Fields of a body that nothing here reads. They are ignored (the published SDKs send some), and named, so that whoever
 * wrote `callback_url` learns that nobody will be sent there.
 */

export interface UnknownField {
  /** With the objects around it: `customer.fullname`. */
  readonly path: string
  /** The field that was meant, as far as we can guess. */
  readonly meant: string | null
}

interface Shape {
  properties?: Record<string, Shape>
}

/** What fields of ours are called elsewhere: another name → ours. */
export type OtherNames = Readonly<Record<string, string>>

/** More than that nobody reads, and a header holds so much. */
const namedMax = 10
const nameMaxLength = 60

export function findUnknown(body: unknown, shape: unknown, otherNames: OtherNames): UnknownField[] {
  // One by one: a body of ten thousand unknown fields costs no more than one of ten.
  return isRecord(shape) ? [...walk(body, shape, otherNames, '').take(namedMax)] : []
}

function* walk(
  data: unknown,
  { properties }: Shape,
  otherNames: OtherNames,
  around: string,
): Generator<UnknownField, undefined> {
  if (!isRecord(data) || !properties) return
  const known = Object.keys(properties)
  for (const [name, value] of Object.entries(data)) {
    if (Object.hasOwn(properties, name)) {
      yield* walk(value, properties[name] ?? {}, otherNames, `${around}${name}.`)
      continue
    }
    const meant = guess(name, known, otherNames)
    yield { path: around + name.slice(0, nameMaxLength), meant: meant && around + meant }
  }
}

/** By what it is called elsewhere, else by its letters: `customerEmail`, `refrence`. Null where nothing is near. */
function guess(name: string, known: readonly string[], otherNames: OtherNames): string | null {
  const other = Object.hasOwn(otherNames, name) ? otherNames[name] : undefined
  if (other !== undefined && known.includes(other)) return other
  const letters = lettersOf(name.slice(0, nameMaxLength))
  const near = known
    .map((one) => ({ one, apart: distance(letters, lettersOf(one)) }))
    .filter(({ one, apart }) => apart <= Math.min(2, Math.floor(lettersOf(one).length / 3)))
  return near.sort((a, b) => a.apart - b.apart)[0]?.one ?? null
}

const lettersOf = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** How many letters must be put in, taken out or changed to make one of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** Beside the fields that are wrong. */
export const wordsOfUnknown = ({ meant }: UnknownField): string =>
  `There is no field of this name here, so it was ignored.${meant ? ` Did you mean ${meant}?` : ''}`

/** For a header: `callback_url (did you mean success_redirect_url?), colour`. Only what a header may hold. */
export const headerOfUnknown = (fields: readonly UnknownField[]): string =>
  fields.map(({ path, meant }) => plain(path) + (meant ? ` (did you mean ${meant}?)` : '')).join(', ')

const plain = (path: string) => path.replace(/[^\w.-]/gu, (letter) => encodeURIComponent(letter.toWellFormed()))
