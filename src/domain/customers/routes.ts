import { Type } from 'typebox'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import {
  createCustomerSchema,
  customerListSchema,
  customerSchema,
  presentCustomer,
  updateCustomerSchema,
} from './schema.ts'
import * as customers from './service.ts'

const tags = ['Customers']
const params = Type.Object({ uuid: Type.String() })
const one = successSchema(customerSchema)

export function customerRoutes(app: Http, ctx: Context): void {
  app.post(
    '/customers',
    {
      config: { scope: 'payments' },
      schema: { tags, summary: 'Create a customer', body: createCustomerSchema, response: { 201: one } },
    },
    async (request, reply) => {
      const customer = await customers.create(ctx, request.caller, request.body, request.idempotency)
      return reply.code(201).send(success('Customer created successfully', presentCustomer(customer)))
    },
  )

  app.get(
    '/customers',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List customers, newest first',
        querystring: Type.Object({
          ...pageQuery,
          search: Type.Optional(Type.String({ maxLength: 200 })),
          email: Type.Optional(Type.String({ maxLength: 254 })),
        }),
        response: { 200: successSchema(customerListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const { rows, ...place } = await customers.list(ctx, request.caller, request.query, page)
      const path = `${ctx.baseUrl}/v1/customers`
      return success('Customers retrieved successfully', {
        customers: paginate(rows.map(presentCustomer), place, page, path, request.query),
      })
    },
  )
  oneCustomerRoutes(app, ctx)
}

function oneCustomerRoutes(app: Http, ctx: Context): void {
  app.get(
    '/customers/:uuid',
    { config: { scope: 'read' }, schema: { tags, summary: 'Retrieve a customer', params, response: { 200: one } } },
    async (request) => {
      const customer = await customers.find(ctx, request.caller, request.params.uuid)
      return success('Customer retrieved successfully', presentCustomer(customer))
    },
  )

  app.put(
    '/customers/:uuid',
    {
      config: { scope: 'payments' },
      schema: { tags, summary: 'Update a customer', params, body: updateCustomerSchema, response: { 200: one } },
    },
    async (request) => {
      const customer = await customers.update(ctx, request.caller, request.params.uuid, request.body)
      return success('Customer updated successfully', presentCustomer(customer))
    },
  )
}
