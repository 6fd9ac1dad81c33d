import type { FastifyRequest } from 'fastify'
import type { Account } from '../accounts.ts'
import { exponentOf } from '../ledger.ts'
import { invalid, invalidKey, missing } from './errors.ts'
import { type Paystack, SLUG } from './records.ts'

export type Body = Record<string, unknown>

/** Least amounts in wire units, currency by currency, and with that what is taken at all (channels.md 1, read 2026-11-20). */
const AMOUNT_MIN: Readonly<Record<string, number>> = { NGN: 5000, USD: 200, GHS: 10, ZAR: 100, KES: 300, XOF: 100 }
/** Ten million of any currency (PS-ERR). */
const AMOUNT_MAX = 1_000_000_000

export function isTestKey(key: string): boolean {
  return /^sk_test_[A-Za-z0-9_-]{1,200}$/.test(key)
}

/** The account of the call; a live key is as wrong here as no key. */
export function accountOf(ps: Paystack, request: FastifyRequest): Account {
  const key = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim()
  if (key === undefined || !isTestKey(key)) throw invalidKey()
  return ps.core.accounts.find(SLUG, key)
}

export function bodyOf(request: FastifyRequest): Body {
  const { body } = request
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Body) : {}
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

export function readEmail(body: Body): string {
  const email = textOf(body, 'email')
  if (email === null) throw missing('Email Address is required')
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) throw invalid('Invalid Email Address Passed', 'invalid_email_address')
  return email
}

/** Whole wire units, as a number or as text. */
export function readAmount(value: unknown): number {
  if (value === undefined || value === null || value === '') throw missing('Amount is required')
  const amount = typeof value === 'string' && /^\d{1,15}$/.test(value.trim()) ? Number(value) : value
  if (typeof amount === 'number' && Number.isSafeInteger(amount) && amount > 0) return amount
  throw invalid('Invalid Amount Sent', 'invalid_amount')
}

/** Amount and currency of a payment, within Paystack's limits. */
export function readMoney(body: Body): { amount: number; currency: string } {
  const amount = readAmount(body.amount)
  const currency = (textOf(body, 'currency') ?? 'NGN').toUpperCase()
  const min = AMOUNT_MIN[currency]
  if (min === undefined) throw invalid('Currency not supported by merchant', 'unsupported_currency')
  if (amount < min) throw invalid(`Amount cannot be less than ${currency} ${min / 100}`, 'invalid_amount')
  if (amount > AMOUNT_MAX) throw invalid(`Amount cannot be more than ${currency} ${AMOUNT_MAX / 100}`, 'invalid_amount')
  // Otherwise a part of the least unit would move, and no ledger could say it.
  if (exponentOf(currency) === 0 && amount % 100 !== 0) throw invalid('Invalid Amount Sent', 'invalid_amount')
  return { amount, currency }
}

/** The merchant's reference; null when Paystack shall make one. */
export function readReference(body: Body): string | null {
  const reference = textOf(body, 'reference')
  if (reference === null || /^[A-Za-z0-9\-.=]+$/.test(reference)) return reference
  throw invalid('Transaction reference contains invalid characters', 'invalid_reference')
}

/** An object, or the object in a JSON text; '' when there is none, as Paystack reports it. */
export function readMetadata(body: Body): Record<string, unknown> | string {
  const { metadata } = body
  if (typeof metadata === 'object' && metadata !== null) return metadata as Record<string, unknown>
  if (typeof metadata !== 'string') return ''
  try {
    const parsed: unknown = JSON.parse(metadata)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : metadata
  } catch {
    return metadata
  }
}

const PER_PAGE_DEFAULT = 50
const PER_PAGE_MAX = 100

export interface Page<T> {
  rows: T[]
  /** The offset form of the spec and the cursor form of the samples in one. */
  meta: Record<string, unknown>
}

/** Newest first, as Paystack lists. */
export function pageOf<T>(request: FastifyRequest, all: readonly T[]): Page<T> {
  const asked = Number(queryOf(request, 'perPage') ?? queryOf(request, 'per_page') ?? PER_PAGE_DEFAULT)
  const perPage = Math.min(PER_PAGE_MAX, Math.max(1, Math.trunc(asked) || PER_PAGE_DEFAULT))
  const page = Math.max(1, Math.trunc(Number(queryOf(request, 'page') ?? 1)) || 1)
  const skipped = (page - 1) * perPage
  const rows = all.toReversed().slice(skipped, skipped + perPage)
  return { rows, meta: { total: all.length, skipped, perPage, page, pageCount: Math.ceil(all.length / perPage) } }
}
