import type { Context } from '../../platform/context.ts'
import { type Http, success, successSchema } from '../../platform/http.ts'
import { ownBusinessSchema, presentOwnBusiness, updateBusinessSchema } from './schema.ts'
import * as businesses from './service.ts'

export function businessRoutes(app: Http, ctx: Context): void {
  const tags = ['Business']
  app.get(
    '/business',
    { schema: { tags, summary: "The key's own business", response: { 200: successSchema(ownBusinessSchema) } } },
    async (request) => {
      const business = await businesses.find(ctx, request.caller.businessId, request.caller.envMode)
      return success('Business retrieved successfully', presentOwnBusiness(business))
    },
  )

  app.put(
    '/business',
    {
      schema: {
        tags,
        summary: 'Change settings of the business in this mode',
        body: updateBusinessSchema,
        response: { 200: successSchema(ownBusinessSchema) },
      },
    },
    async (request) => {
      const business = await businesses.update(ctx, request.caller, request.body)
      return success('Business updated successfully', presentOwnBusiness(business))
    },
  )
}
