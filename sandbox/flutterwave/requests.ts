import type { FastifyRequest } from 'fastify'
import type { Account } from '../accounts.ts'
import { noKey, refused, wrongKey } from './errors.ts'
import { toMinor } from './money.ts'
import { type Flutterwave, SLUG } from './records.ts'

export type Body = Record<string, unknown>

/** What is taken (FW-DOC "Payment methods", read 2026-11-20). */
export const CURRENCIES: readonly string[] = [
  ...['NGN', 'USD', 'EUR', 'GBP', 'GHS', 'XAF', 'XOF', 'ZAR', 'MWK', 'KES', 'UGX', 'RWF', 'TZS'],
]

const TX_REF_LENGTH_MAX = 100

export function isTestKey(key: string): boolean {
  return /^FLWSECK_TEST-[A-Za-z0-9_-]{1,200}-X$/.test(key)
}

/** The account of the call; a live key is as wrong here as somebody else's. */
export function accountOf(flw: Flutterwave, request: FastifyRequest): Account {
  const key = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim()
  if (key === undefined) throw noKey()
  if (!isTestKey(key)) throw wrongKey()
  return flw.core.accounts.find(SLUG, key)
}

export function bodyOf(request: FastifyRequest): Body {
  return objectOf(request.body) ?? {}
}

export function objectOf(value: unknown): Body | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : null
}

export function paramOf(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? ''
}

export function queryOf(request: FastifyRequest, name: string): string | null {
  const value = (request.query as Record<string, unknown>)[name]
  return typeof value === 'string' && value !== '' ? value : null
}

/** A text, also where a number was sent; null when absent or empty. */
export function textOf(body: Body, field: string): string | null {
  const value = body[field]
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

export function needed(body: Body, field: string): string {
  const value = textOf(body, field)
  if (value === null) throw refused(`${field} is required`)
  return value
}

export function readEmail(body: Body): string {
  const email = needed(body, 'email')
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) throw refused('email must be a valid email')
  return email
}

export function readTxRef(body: Body): string {
  const txRef = needed(body, 'tx_ref')
  if (txRef.length > TX_REF_LENGTH_MAX) throw refused(`tx_ref must be at most ${TX_REF_LENGTH_MAX} characters`)
  return txRef
}

/** Amount in minor units, and currency; digits that the currency does not have are refused, not rounded. */
export function readMoney(body: Body): { amount: number; currency: string } {
  const currency = (textOf(body, 'currency') ?? 'NGN').toUpperCase()
  if (!CURRENCIES.includes(currency)) throw refused(`currency ${currency} is not supported`)
  return { amount: readAmount(body.amount, currency), currency }
}

export function readAmount(value: unknown, currency: string): number {
  if (value === undefined || value === null || value === '') throw refused('amount is required')
  const amount = toMinor(value, currency)
  if (amount === null || amount <= 0) throw refused('amount must be a valid amount')
  return amount
}

/** A whole number within bounds; null when absent. */
export function readWhole(value: unknown, field: string, max: number): number | null {
  if (value === undefined || value === null) return null
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number > 0 && number <= max) return number
  throw refused(`${field} must be a whole number from 1 to ${max}`)
}

const PER_PAGE = 10

export interface Page<T> {
  rows: T[]
  meta: { page_info: { total: number; current_page: number; total_pages: number } }
}

/** Newest first, ten on a page, as Flutterwave lists. */
export function pageOf<T>(request: FastifyRequest, all: readonly T[]): Page<T> {
  const page = Math.max(1, Math.trunc(Number(queryOf(request, 'page') ?? 1)) || 1)
  const rows = all.toReversed().slice((page - 1) * PER_PAGE, page * PER_PAGE)
  const total_pages = Math.max(1, Math.ceil(all.length / PER_PAGE))
  return { rows, meta: { page_info: { total: all.length, current_page: page, total_pages } } }
}

/** Whether something of this time lies within `from` and `to` (`YYYY-MM-DD`, both days included) of the query. */
export function withinDates(request: FastifyRequest): (createdAt: string) => boolean {
  const from = queryOf(request, 'from')
  const to = queryOf(request, 'to')
  return (createdAt) => {
    const day = createdAt.slice(0, 10)
    return (from === null || day >= from.slice(0, 10)) && (to === null || day <= to.slice(0, 10))
  }
}
