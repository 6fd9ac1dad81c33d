import { type Static, Type } from 'typebox'
import { flagInput, time } from '../../platform/wire.ts'
import type { EnvMode } from '../businesses/schema.ts'

export const createPortalLinkSchema = Type.Object({
  return_url: Type.Optional(
    Type.String({ format: 'http-url', maxLength: 2048, description: 'Where the page leads back to' }),
  ),
  send: Type.Optional(flagInput),
})
export type CreatePortalLink = Static<typeof createPortalLinkSchema>

export const portalLinkSchema = Type.Object({
  link: Type.String({ description: 'Whoever has it is the customer' }),
  expires_at: time,
})

/** A row of `portal_links`. */
export interface PortalLink {
  id: string
  business_id: string
  env_mode: EnvMode
  customer_id: string
  return_url: string | null
  expires_at: Date
}
