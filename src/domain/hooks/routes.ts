import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type RawWebhook, WebhookSignatureError } from '../../channels/channel.ts'
import type { Context } from '../../platform/context.ts'
import { ApiError, httpErrors } from '../../platform/errors.ts'
import { failureSchema, type Http, success, successSchema } from '../../platform/http.ts'
import { hookErrors } from './errors.ts'
import * as hooks from './service.ts'

/** Providers' webhooks are small; Paystack's largest sample has 4 KB. */
const bodyLimitBytes = 256 * 1024

/**
 * | what comes | answer | kept |
 * | --- | --- | --- |
 * | a right signature, new | 200 | once, and a job asks the channel |
 * | a right signature, seen before | 200 | no; asks once more where what it tells of is not settled |
 * | a wrong or missing signature | 401, from the 121st in a minute of one token 429 | no |
 * | an unknown token, or a channel that is not connected | 404 | no |
 * | a right signature over a form that we do not know | 200 | once, as ignored unless it names a reference of ours |
 * | more than 256 KiB, also once unpacked | 413 | no |
 * | a GET or HEAD, to see whether somebody is there | 405 with `Allow` | no |
 */
export function hookRoutes(app: Http, ctx: Context): void {
  app.removeAllContentTypeParsers()
  // The signature is over the bytes as they came.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post(
    '/v1/system/hooks/:token/:channel',
    {
      bodyLimit: bodyLimitBytes,
      config: { rateLimit: false },
      schema: {
        tags: ['Provider webhooks'],
        summary: "Receives a provider's webhook",
        params: Type.Object({ token: Type.String(), channel: Type.String() }),
        response: { 200: successSchema(Type.Null()), 401: failureSchema },
      },
    },
    async (request) => {
      const { token, channel } = request.params
      const account = await hooks.findReceiver(ctx, token, channel)
      const webhook = rawOf(request, ctx.clock.now())
      const isWrong = () => ctx.limits.wrongHooks.take(token)
      const event = read(() => account.channel.readWebhook(webhook, account.credentials), isWrong)
      const isNew = await hooks.keep(ctx, account, event, webhook.body)
      return success(isNew ? 'Webhook accepted' : 'Webhook seen before', null)
    },
  )
}

function rawOf(request: FastifyRequest, receivedAt: Date): RawWebhook {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  )
  const sent = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  return { headers, body: unpack(sent, headers['content-encoding']), receivedAt }
}

const unpackers: Readonly<Record<string, (body: Buffer, bound: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/** A provider signs what it wrote; somebody on the way may have packed it. What is not packed as it says stays as it came. */
function unpack(body: Buffer, encoding = ''): Buffer {
  const name = encoding.trim().toLowerCase()
  const unpacker = Object.hasOwn(unpackers, name) ? unpackers[name] : undefined
  if (!unpacker) return body
  try {
    return unpacker(body, { maxOutputLength: bodyLimitBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new ApiError(httpErrors.requestTooLarge)
    return body
  }
}

function read<T>(work: () => T, isWrong: () => void): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof WebhookSignatureError)) throw error
    isWrong()
    throw new ApiError(hookErrors.badSignature)
  }
}
