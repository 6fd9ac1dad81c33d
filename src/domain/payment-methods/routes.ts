import { Type } from 'typebox'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { pageQuery, paginate, readPage } from '../../platform/pagination.ts'
import { nowOf } from '../businesses/service.ts'
import * as customers from '../customers/service.ts'
import { paymentMethodListSchema, paymentMethodSchema, presentMethod } from './schema.ts'
import * as paymentMethods from './service.ts'

const tags = ['Customers']
const params = Type.Object({ uuid: Type.String() })
const methodParams = Type.Object({ uuid: Type.String(), method_uuid: Type.String() })
const one = successSchema(paymentMethodSchema)

export function paymentMethodRoutes(app: Http, ctx: Context): void {
  app.get(
    '/customers/:uuid/payment-methods',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: "List a customer's saved payment methods, newest first",
        params,
        querystring: Type.Object(pageQuery),
        response: { 200: successSchema(paymentMethodListSchema) },
      },
    },
    async (request) => {
      const page = readPage(request.query)
      const customer = await customers.find(ctx, request.caller, request.params.uuid)
      const { rows, ...place } = await paymentMethods.list(ctx, request.caller, customer.id, page)
      const path = `${ctx.baseUrl}/v1/customers/${customer.id}/payment-methods`
      const items = rows.map((method) => presentMethod(method, nowOf(ctx, request.caller.business), ctx.baseUrl))
      return success('Payment methods retrieved successfully', {
        payment_methods: paginate(items, place, page, path, request.query),
      })
    },
  )

  app.delete(
    '/customers/:uuid/payment-methods/:method_uuid',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Delete a saved payment method',
        description: 'It is not charged any more, here at once; its channel is asked to forget it too.',
        params: methodParams,
        response: { 200: one },
      },
    },
    async (request) => {
      const customer = await customers.find(ctx, request.caller, request.params.uuid)
      const method = await paymentMethods.remove(ctx, request.caller, customer.id, request.params.method_uuid)
      return success(
        'Payment method deleted successfully',
        presentMethod(method, nowOf(ctx, request.caller.business), ctx.baseUrl),
      )
    },
  )

  app.patch(
    '/customers/:uuid/payment-methods/:method_uuid/default',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Make a saved payment method the default',
        params: methodParams,
        response: { 200: one },
      },
    },
    async (request) => {
      const customer = await customers.find(ctx, request.caller, request.params.uuid)
      const method = await paymentMethods.makeDefault(ctx, request.caller, customer.id, request.params.method_uuid)
      return success(
        'Default payment method updated successfully',
        presentMethod(method, nowOf(ctx, request.caller.business), ctx.baseUrl),
      )
    },
  )
}
