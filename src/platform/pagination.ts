import type { RawBuilder } from 'kysely'
import { type Static, type TSchema, Type } from 'typebox'
import { sql } from './db.ts'
import { type FieldErrors, invalid } from './errors.ts'

/** Pages as the documented API has them (Laravel's paginator): newest first, every link keeps the filters. */

export const perPageDefault = 10
export const perPageMax = 100
/** Beyond it an offset costs the database more than the answer is worth. */
const offsetMax = 10_000

export const pageQuery = {
  page: Type.Optional(Type.String({ description: 'Page number from 1' })),
  per_page: Type.Optional(
    Type.String({ description: `Rows a page, ${perPageDefault} unless told, at most ${perPageMax}` }),
  ),
}

export interface Page {
  readonly number: number
  readonly size: number
  readonly offset: number
}

/** Throws 422 for what is no number or goes too far back; `per_page` above the most counts as the most. */
export function readPage(query: { page?: string; per_page?: string }): Page {
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
  if (offset > offsetMax)
    errors.page = [`The page field reaches ${offsetMax} rows back: narrow the list by its filters.`]
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return { number, size, offset }
}

const nullableText = Type.Union([Type.String(), Type.Null()])
const nullableInteger = Type.Union([Type.Integer(), Type.Null()])

export const paginatorSchema = <S extends TSchema>(item: S) =>
  Type.Object({
    current_page: Type.Integer(),
    data: Type.Array(item),
    first_page_url: Type.String(),
    from: nullableInteger,
    last_page: Type.Integer(),
    last_page_url: Type.String(),
    links: Type.Array(Type.Object({ url: nullableText, label: Type.String(), active: Type.Boolean() })),
    next_page_url: nullableText,
    path: Type.String(),
    per_page: Type.Integer(),
    prev_page_url: nullableText,
    to: nullableInteger,
    total: Type.Integer(),
  })

export type Paginator<Item> = Omit<Static<ReturnType<typeof paginatorSchema>>, 'data'> & { data: Item[] }

/** `path` is the absolute address of the list; `query` the request's own, whose filters every link keeps. */
export function paginate<Item>(
  data: Item[],
  total: number,
  page: Page,
  path: string,
  query: Readonly<Record<string, unknown>>,
): Paginator<Item> {
  const last = Math.max(1, Math.ceil(total / page.size))
  const kept = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (name !== 'page' && typeof value === 'string') kept.set(name, value)
  const urlOf = (number: number) => {
    const params = new URLSearchParams(kept)
    params.set('page', String(number))
    return `${path}?${params}`
  }
  const previous = page.number > 1 ? urlOf(page.number - 1) : null
  const next = page.number < last ? urlOf(page.number + 1) : null
  return {
    current_page: page.number,
    data,
    first_page_url: urlOf(1),
    from: data.length > 0 ? page.offset + 1 : null,
    last_page: last,
    last_page_url: urlOf(last),
    links: [
      { url: previous, label: '« Previous', active: false },
      ...pageNumbers(page.number, last).map((number) =>
        number === null
          ? { url: null, label: '...', active: false }
          : { url: urlOf(number), label: String(number), active: number === page.number },
      ),
      { url: next, label: 'Next »', active: false },
    ],
    next_page_url: next,
    path,
    per_page: page.size,
    prev_page_url: previous,
    to: data.length > 0 ? page.offset + data.length : null,
    total,
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

/** SQL: true of the newest `count` rows of an owner; `id` is the row's, and grows with time. */
export const newestOf = (
  owner: { readonly businessId: string; readonly envMode: string },
  table: string,
  id: RawBuilder<unknown>,
  count: number,
): RawBuilder<boolean> =>
  sql`${id} > coalesce((select id from ${sql.table(table)} where business_id = ${owner.businessId}
    and env_mode = ${owner.envMode} order by id desc offset ${count} limit 1), '00000000-0000-0000-0000-000000000000')`
