import { type Static, Type } from 'typebox'
import { wireTime } from '../../platform/clock.ts'
import type { FieldErrors } from '../../platform/errors.ts'
import { paginatorSchema } from '../../platform/pagination.ts'
import { withCheck } from '../../platform/validation.ts'
import {
  checkMetaData,
  metaData,
  metaDataInput,
  nullable,
  optionalText,
  presentMetaData,
  text,
  time,
} from '../../platform/wire.ts'
import { type EnvMode, envMode } from '../businesses/schema.ts'

export const customerSchema = Type.Object({
  customer_id: text,
  uuid: text,
  env_mode: envMode,
  first_name: optionalText,
  last_name: optionalText,
  name: optionalText,
  external_customer_ids: metaData,
  email: text,
  phone_code: optionalText,
  phone_number: optionalText,
  address_line_1: optionalText,
  address_line_2: optionalText,
  city: optionalText,
  state: optionalText,
  zip: optionalText,
  country: optionalText,
  meta_data: metaData,
  deleted_at: nullable(time),
  created_at: time,
  updated_at: time,
  full_name: optionalText,
})
export type CustomerBody = Static<typeof customerSchema>
export const customerListSchema = Type.Object({ customers: paginatorSchema(customerSchema) })

const short = (most: number) => Type.Optional(Type.String({ maxLength: most }))
const nameOfAPerson = (most: number) => Type.Optional(Type.String({ format: 'visible', maxLength: most }))

export const customerFields = {
  first_name: nameOfAPerson(100),
  last_name: nameOfAPerson(100),
  name: nameOfAPerson(200),
  phone_code: short(8),
  phone_number: short(32),
  address_line_1: short(255),
  address_line_2: short(255),
  city: short(100),
  state: short(100),
  zip: short(20),
  country: short(100),
  meta_data: Type.Optional(metaDataInput),
  metadata: Type.Optional(metaDataInput),
}

export const email = Type.String({ format: 'email', maxLength: 254 })

export const createCustomerSchema = withCheck(Type.Object({ email, ...customerFields }), (body) => ({
  ...checkNames(body),
  ...checkMetaData(body),
}))
export type CreateCustomer = Static<typeof createCustomerSchema>

export const updateCustomerSchema = withCheck(
  Type.Object({ email: Type.Optional(email), ...customerFields }),
  checkMetaData,
)
export type UpdateCustomer = Static<typeof updateCustomerSchema>

/** Of a customer who is part of another body. */
export function checkCustomerMetaData(customer: unknown): FieldErrors {
  if (typeof customer !== 'object' || customer === null) return {}
  const errors = Object.entries(checkMetaData(customer as Record<string, unknown>))
  return Object.fromEntries(errors.map(([field, words]) => [`customer.${field}`, words]))
}

function checkNames(body: Record<string, unknown>): FieldErrors {
  if (body.name !== undefined) return {}
  const errors: FieldErrors = {}
  for (const field of ['first_name', 'last_name']) {
    if (body[field] === undefined) {
      errors[field] = [`The ${field} field is required unless name is given.`]
    }
  }
  return errors
}

/** A row of `customers`. */
export interface Customer {
  id: string
  env_mode: EnvMode
  customer_id: string
  email: string
  /** The mailbox: the same however the address is written. */
  email_key: string
  first_name: string | null
  last_name: string | null
  name: string | null
  phone_code: string | null
  phone_number: string | null
  address_line_1: string | null
  address_line_2: string | null
  city: string | null
  state: string | null
  zip: string | null
  country: string | null
  external_customer_ids: Record<string, unknown> | null
  /** JSON text. */
  meta_data: string | null
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

/** Name, else first and last name; null for a customer of whom only the e-mail is known. */
export function fullName(customer: Pick<Customer, 'name' | 'first_name' | 'last_name'>): string | null {
  return customer.name ?? ([customer.first_name, customer.last_name].filter(Boolean).join(' ') || null)
}

export const presentCustomer = (customer: Customer): CustomerBody => ({
  customer_id: customer.customer_id,
  uuid: customer.id,
  env_mode: customer.env_mode,
  first_name: customer.first_name,
  last_name: customer.last_name,
  name: customer.name,
  external_customer_ids: customer.external_customer_ids,
  email: customer.email,
  phone_code: customer.phone_code,
  phone_number: customer.phone_number,
  address_line_1: customer.address_line_1,
  address_line_2: customer.address_line_2,
  city: customer.city,
  state: customer.state,
  zip: customer.zip,
  country: customer.country,
  meta_data: presentMetaData(customer.meta_data),
  deleted_at: customer.deleted_at && wireTime(customer.deleted_at),
  created_at: wireTime(customer.created_at),
  updated_at: wireTime(customer.updated_at),
  full_name: fullName(customer),
})

/** What one call said of a customer: all that may be shown to whoever sent it. */
export interface SentCustomer {
  uuid?: string
  email?: string
  first_name?: string
  last_name?: string
  name?: string
  phone_code?: string
  phone_number?: string
  address_line_1?: string
  address_line_2?: string
  city?: string
  state?: string
  zip?: string
  country?: string
}

/** As a browser is shown a customer: the documented keys in their order, null where the call said nothing. */
export type SentCustomerBody = { [Field in keyof CustomerBody]: string | null }
export const sentCustomerSchema = Type.Unsafe<SentCustomerBody>(
  Type.Object(Object.fromEntries(Object.keys(customerSchema.properties).map((name) => [name, optionalText]))),
)

export function presentSent(sent: SentCustomer | null): SentCustomerBody {
  const names = Object.keys(customerSchema.properties)
  const nothing = Object.fromEntries(names.map((name) => [name, null])) as SentCustomerBody
  if (sent === null) return nothing
  const { name = null, first_name = null, last_name = null } = sent
  return { ...nothing, ...sent, full_name: fullName({ name, first_name, last_name }) }
}
