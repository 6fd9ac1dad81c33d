import { type Static, type TSchema, Type } from 'typebox'
import { type FieldErrors, invalid } from './errors.ts'
import { isUuid } from './ids.ts'

/**
 * Pages as the documented API has them (Laravel's paginator): newest first, every link keeps the filters. Beside them
 * cursors: the key of the last row seen, from which a list goes on however many rows come meanwhile.
 */

export const perPageDefault = 10
export const perPageMax = 100
/** Beyond it an offset costs the database more than the answer is worth. */
const offsetMax = 10_000

export const pageQuery = {
  page: Type.Optional(Type.String({ description: `Page number from 1, at most ${offsetMax} rows back` })),
  per_page: Type.Optional(
    Type.String({ description: `Rows a page, ${perPageDefault} unless told, at most ${perPageMax}` }),
  ),
  after: Type.Optional(
    Type.String({ description: 'Older rows than this one: a `next_cursor`, or the uuid of the last row seen' }),
  ),
  before: Type.Optional(
    Type.String({ description: 'Newer rows than this one: a `prev_cursor`, or the uuid of the first row seen' }),
  ),
}

export interface Cursor {
  readonly side: 'after' | 'before'
  /** What names the row in its table. */
  readonly key: string
}

export interface Page {
  /** 1 with a cursor, whose page is counted from its rows. */
  readonly number: number
  readonly size: number
  /** 0 with a cursor. */
  readonly offset: number
  readonly cursor?: Cursor
}

/** Where a page lies in its list. */
export interface Place {
  readonly total: number
  /** Position of its first row, from 1. */
  readonly from: number
  readonly hasNewer: boolean
  readonly hasOlder: boolean
}

/** The key that a cursor names; null: it cannot name a row of this list. */
export type ReadKey = (text: string) => string | null

const uuidKey: ReadKey = (text) => (isUuid(text) ? text.toLowerCase() : null)

type PageQuery = { readonly [Field in keyof typeof pageQuery]?: string }

/**
 * Throws 422 for what is no number or goes too far back, for a cursor that names nothing, and for two ways at once;
 * `per_page` above the most counts as the most.
 */
export function readPage(query: PageQuery, readKey: ReadKey = uuidKey): Page {
  const errors: FieldErrors = {}
  const read = (field: 'page' | 'per_page', byDefault: number, most: number) => {
    const text = query[field]
    if (text === undefined) return byDefault
    if (/^\d{1,9}$/.test(text) && Number(text) >= 1) return Math.min(Number(text), most)
    errors[field] = [`The ${field} field must be a whole number from 1.`]
    return byDefault
  }
  const number = read('page', 1, Number.MAX_SAFE_INTEGER)
  const size = read('per_page', perPageDefault, perPageMax)
  const offset = (number - 1) * size
  if (offset > offsetMax) {
    errors.page = [`The page field reaches ${offsetMax} rows back: go on with after and the next_cursor of a page.`]
  }
  const cursor = readCursor(query, readKey, errors)
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return { number, size, offset, ...(cursor && { cursor }) }
}

function readCursor(query: PageQuery, readKey: ReadKey, errors: FieldErrors): Cursor | undefined {
  const side = query.after === undefined ? 'before' : 'after'
  const text = query[side]
  if (text === undefined) return undefined
  if (query.after !== undefined && query.before !== undefined) {
    errors.before = ['Send either after or before: each names the row that the page begins at.']
  }
  if (query.page !== undefined) errors.page = [`Send either page or ${side}: a cursor says where the page begins.`]
  const key = readKey(text)
  if (key === null) errors[side] = wordsOfUnknown(side)
  return key === null ? undefined : { side, key }
}

const wordsOfUnknown = (side: Cursor['side']) => [
  `The ${side} field names no row of this list: send the uuid of a row, or a cursor that the list gave.`,
]

export const unknownCursor = ({ side }: Cursor) => invalid({ [side]: wordsOfUnknown(side) })

/** Of a list that is all in memory, newest first. Throws 422 for a cursor that names none of its rows. */
export function pageOf<Row>(all: readonly Row[], page: Page, keyOf: (row: Row) => string): Place & { rows: Row[] } {
  const { cursor, size } = page
  const at = cursor ? all.findIndex((row) => keyOf(row) === cursor.key) : page.offset
  if (cursor && at < 0) throw unknownCursor(cursor)
  const start = cursor?.side === 'after' ? at + 1 : cursor ? Math.max(0, at - size) : at
  const rows = all.slice(start, cursor?.side === 'before' ? at : start + size)
  const total = all.length
  return { rows, total, from: start + 1, hasNewer: start > 0, hasOlder: start + rows.length < total }
}

const nullableText = Type.Union([Type.String(), Type.Null()])
const nullableInteger = Type.Union([Type.Integer(), Type.Null()])

export const linkSchema = Type.Object({ url: nullableText, label: Type.String(), active: Type.Boolean() })

export const paginatorSchema = <S extends TSchema>(item: S) =>
  Type.Object({
    current_page: Type.Integer(),
    data: Type.Array(item),
    first_page_url: Type.String(),
    from: nullableInteger,
    last_page: Type.Integer(),
    last_page_url: Type.String(),
    links: Type.Array(linkSchema),
    next_page_url: nullableText,
    path: Type.String(),
    per_page: Type.Integer(),
    prev_page_url: nullableText,
    to: nullableInteger,
    total: Type.Integer(),
    next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'For `after`; null: no older rows' }),
    prev_cursor: Type.Union([Type.String(), Type.Null()], { description: 'For `before`; null: no newer rows' }),
  })

export type Paginator<Item> = Omit<Static<ReturnType<typeof paginatorSchema>>, 'data'> & { data: Item[] }

/** What a row shows that names it: its uuid, or the slug of a channel. */
type Named = { readonly uuid: string } | { readonly slug: string }
const nameOf = (item: Named): string => ('uuid' in item ? item.uuid : item.slug)

/**
 * `path` is the absolute address of the list; `query` the request's own, whose filters every link keeps. A page by number
 * leads on by numbers, as far as they may reach; a page by cursor by cursors.
 */
export function paginate<Item extends Named>(
  data: Item[],
  place: Place,
  page: Page,
  path: string,
  query: Readonly<Record<string, unknown>>,
): Paginator<Item> {
  const { total, from } = place
  const last = Math.max(1, Math.ceil(total / page.size))
  const current = page.cursor ? Math.ceil(from / page.size) : page.number
  const linkTo = linksOf(path, query)
  const urlOf = (number: number) => linkTo('page', String(number))
  const [first, final] = [data[0], data.at(-1)]
  const prevCursor = first && place.hasNewer ? nameOf(first) : null
  const nextCursor = final && place.hasOlder ? nameOf(final) : null
  const byNumber = (number: number) => !page.cursor && (number - 1) * page.size <= offsetMax
  const previous = !page.cursor && current > 1 ? urlOf(current - 1) : prevCursor && linkTo('before', prevCursor)
  const next = byNumber(current + 1) && current < last ? urlOf(current + 1) : nextCursor && linkTo('after', nextCursor)
  return {
    current_page: current,
    data,
    first_page_url: urlOf(1),
    from: data.length > 0 ? from : null,
    last_page: last,
    last_page_url: urlOf(last),
    links: [
      { url: previous, label: '« Previous', active: false },
      ...pageNumbers(current, last).map((number) =>
        number === null
          ? { url: null, label: '...', active: false }
          : { url: urlOf(number), label: String(number), active: number === current },
      ),
      { url: next, label: 'Next »', active: false },
    ],
    next_page_url: next,
    path,
    per_page: page.size,
    prev_page_url: previous,
    to: data.length > 0 ? from + data.length - 1 : null,
    total,
    next_cursor: nextCursor,
    prev_cursor: prevCursor,
  }
}

/** Links with the filters of the request, and one place to go to. */
function linksOf(path: string, query: Readonly<Record<string, unknown>>) {
  const kept = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (!['page', 'after', 'before'].includes(name) && typeof value === 'string') kept.set(name, value)
  return (name: 'page' | 'after' | 'before', value: string) => {
    const params = new URLSearchParams(kept)
    params.set(name, value)
    return `${path}?${params}`
  }
}

/** Pages beside the current one, as Laravel shows them: all up to 13, else the ends and three on each side. */
function pageNumbers(current: number, last: number): (number | null)[] {
  const range = (from: number, to: number) =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
  if (last < 14) return range(1, last)
  if (current <= 7) return [...range(1, 10), null, last - 1, last]
  if (current > last - 7) return [1, 2, null, ...range(last - 9, last)]
  return [1, 2, null, ...range(current - 3, current + 3), null, last - 1, last]
}
