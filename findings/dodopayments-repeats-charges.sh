#!/usr/bin/env bash
# A client of a payment provider that repeats a POST by itself must mark it, so that the provider
# can tell a repetition from a second charge; Stripe's client sends Idempotency-Key for that.
# One would guess that npm dodopayments 2.52.0 does so as well, or leaves a POST alone.
# When the answer is 500, 503 or 408, or when the line is cut after the request was read, it sends
# subscriptions.charge, refunds.create and payments.create three times within two seconds;
# no header, query or body tells the three apart or ties them together, but for a retry count.
# Whoever charges a subscriber over a bad line may charge him three times, and sees one error.
# Give maxRetries: 0 to the client and repeat by your own rules. The server here runs on this machine.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts dodopayments@2.52.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >charge.cjs <<'JS'
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const DodoPayments = require('dodopayments').default
console.log('npm dodopayments', JSON.parse(readFileSync('node_modules/dodopayments/package.json')).version)

async function countRequests(label, answer, call, options) {
  const requests = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => (body += part))
    request.on('end', () => {
      requests.push({ path: `${request.method} ${request.url}`, body, headers: request.headers })
      if (answer === 'cut') return request.socket.destroy()
      response.writeHead(answer, { 'content-type': 'application/json' }).end('{"code":"BUSY","message":"busy"}')
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const client = new DodoPayments({ bearerToken: 'test', baseURL: `http://127.0.0.1:${server.address().port}`, ...options })
  const error = await call(client).then(() => 'none', (one) => one.constructor.name)
  server.closeAllConnections()
  server.close()
  const keys = requests.flatMap(({ headers }) => Object.keys(headers).filter((name) => /idempot|request-id/.test(name)))
  const bodies = new Set(requests.map(({ body }) => body)).size
  console.log('  ', label, '| requests', requests.length, '| bodies', bodies, '| keys', keys.length, '| error', error)
}

const charge = (client) => client.subscriptions.charge('sub_1', { product_price: 1000 })
const refund = (client) => client.refunds.create({ payment_id: 'pay_1' })
const main = async () => {
  await countRequests('charge, answer 500', 500, charge)
  await countRequests('charge, answer 503', 503, charge)
  await countRequests('charge, line cut', 'cut', charge)
  await countRequests('refund, line cut', 'cut', refund)
  await countRequests('charge, line cut, maxRetries 0', 'cut', charge, { maxRetries: 0 })
}
main()
JS
timeout 60 node charge.cjs >seen

cat >known <<'TXT'
npm dodopayments 2.52.0
   charge, answer 500 | requests 3 | bodies 1 | keys 0 | error InternalServerError
   charge, answer 503 | requests 3 | bodies 1 | keys 0 | error InternalServerError
   charge, line cut | requests 3 | bodies 1 | keys 0 | error APIConnectionError
   refund, line cut | requests 3 | bodies 1 | keys 0 | error APIConnectionError
   charge, line cut, maxRetries 0 | requests 1 | bodies 1 | keys 0 | error APIConnectionError
TXT

echo 'guess: one request each, or one key over all requests'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
