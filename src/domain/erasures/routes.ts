import { Type } from 'typebox'
import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { customerSchema, presentCustomer } from '../customers/schema.ts'
import * as customers from '../customers/service.ts'
import { exportSchema } from './schema.ts'
import * as erasures from './service.ts'

const tags = ['Customers']
const params = Type.Object({ uuid: Type.String() })

export function erasureRoutes(app: Http, ctx: Context): void {
  app.get(
    '/customers/:uuid/export',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Export everything that is kept of a customer',
        params,
        response: { 200: successSchema(exportSchema) },
      },
    },
    async (request) =>
      success('Customer exported successfully', await erasures.exportAll(ctx, request.caller, request.params.uuid)),
  )

  app.delete(
    '/customers/:uuid',
    {
      config: { scope: 'payments' },
      schema: {
        tags,
        summary: 'Delete a customer, or erase the person',
        description: `\`?erase=1\` blanks the person in every row, event, mail and webhook and has channels forget their cards; amounts,
references and times stay. It cannot be undone. 409 \`CUSTOMER_STILL_ACTIVE\` while anything of theirs is under way.`,
        params,
        querystring: Type.Object({ erase: Type.Optional(Type.String({ enum: ['0', '1', 'true', 'false'] })) }),
        response: { 200: successSchema(customerSchema) },
      },
    },
    async (request) => {
      const { uuid } = request.params
      if (['1', 'true'].includes(request.query.erase ?? '')) {
        return success('Customer erased successfully', presentCustomer(await erasures.erase(ctx, request.caller, uuid)))
      }
      const customer = await customers.remove(ctx, request.caller, uuid)
      return success('Customer deleted successfully', presentCustomer(customer))
    },
  )
}
