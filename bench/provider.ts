import { createServer } from 'node:http'

/**
 * A Paystack that answers `/transaction/initialize` at once and knows nothing else, so that a create is measured and not
 * its provider. Argument: port.
 */
const port = Number(process.argv[2])

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    if (request.method !== 'POST') return response.end('{"status":true,"message":"ok","data":null}')
    const { reference } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { reference: string }
    const data = { authorization_url: `http://127.0.0.1:${port}/pay/${reference}`, access_code: reference, reference }
    response.end(JSON.stringify({ status: true, message: 'Authorization URL created', data }))
  })
})
// Longer than any pause between rounds: a connection closed in between would be counted against us.
server.keepAliveTimeout = 120_000
server.listen(port, '127.0.0.1')
