import assert from 'node:assert/strict'
import type { Answer, TestBusiness, TestServer } from './server.ts'

/** The path of a new link to a customer's own page. */
export async function portalOf(business: TestBusiness, customer: string, body: object = {}): Promise<string> {
  const answer = await business.api('POST', `/v1/customers/${customer}/portal-link`, body)
  assert.equal(answer.status, 201, answer.text)
  return new URL(answer.body.data.link).pathname
}

/** A form as a browser posts it, without a script. */
export const postForm = (server: TestServer, path: string, fields: Record<string, string> = {}): Promise<Answer> =>
  server.call('POST', path, String(new URLSearchParams(fields)), {
    'content-type': 'application/x-www-form-urlencoded',
  })

/** What a reader sees of a page. */
export const textOf = (page: string): string =>
  page
    .replace(/<\/?(time|strong)[^>]*>/g, '')
    .replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, ' ')
