/** As much of an OpenAPI document as the reference shows. */

export interface Shape {
  $ref?: string
  type?: string | string[]
  format?: string
  description?: string
  enum?: unknown[]
  const?: unknown
  pattern?: string
  minimum?: number
  maximum?: number
  maxLength?: number
  items?: Shape
  properties?: Record<string, Shape>
  required?: string[]
  anyOf?: Shape[]
  allOf?: Shape[]
  example?: unknown
}

export interface Parameter {
  $ref?: string
  name: string
  in: string
  required?: boolean
  description?: string
  schema: Shape
}

export interface Content {
  'application/json'?: { schema: Shape; example?: unknown }
}

export interface Answer {
  $ref?: string
  description?: string
  content?: Content
}

export interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Record<string, unknown>[]
  'x-scope'?: string
  parameters?: Parameter[]
  requestBody?: { content: Content }
  responses: Record<string, Answer>
}

export interface ApiDocument {
  info: { title: string; version: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, { post: Operation }>
  components: {
    schemas: Record<string, Shape>
    parameters: Record<string, Parameter>
    responses: Record<string, Answer>
  }
}

export const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)
