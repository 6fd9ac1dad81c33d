#!/usr/bin/env bash
# FedaPay takes mobile money in Benin, Togo and Ivory Coast; npm fedapay 1.2.5 is its client.
# One would guess that an answer 422, "the amount must exceed 100", is another error than a broken line.
# Every answer that is not a success is an ApiConnectionError: a refusal, a missing transaction,
# a wrong key and a cut line. Only its httpStatus tells them apart, and a cut line has none.
# It is no Error either: instanceof Error is false, there is no stack, and its text is [object Object],
# so a logger that prints errors prints that, and a framework that looks for errors sees none.
# Whoever repeats on connection errors, as one should, sends a refused payment again and again;
# whoever does not loses those that the line cut. The server here runs on this machine.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts fedapay@1.2.5 >log 2>&1 || { cat log >&2; exit 2; }

cat >create.cjs <<'JS'
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const { FedaPay, Transaction } = require('fedapay')
console.log('npm fedapay', JSON.parse(readFileSync('node_modules/fedapay/package.json')).version)
FedaPay.setApiKey('sk_sandbox_test')

async function show(label, status, answer) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (status === 0) return request.socket.destroy()
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  FedaPay.setApiBase(`http://127.0.0.1:${server.address().port}`)
  const create = Transaction.create({ amount: 50, description: 'order 1', currency: { iso: 'XOF' } })
  const result = await create.then(
    (made) => `made ${made.id} ${made.status}`,
    (error) => `${error.constructor.name} | Error ${error instanceof Error} | text ${String(error)} | httpStatus ${error.httpStatus}`,
  )
  server.closeAllConnections()
  server.close()
  console.log('  ', `${label}:`, result)
}

const main = async () => {
  await show('200 made', 200, { 'v1/transaction': { klass: 'v1/transaction', id: 1, status: 'pending', amount: 50 } })
  await show('422 refused', 422, { message: 'refused', errors: { amount: ['must be greater than 100'] } })
  await show('401 wrong key', 401, { message: 'Unauthorized' })
  await show('503 busy', 503, { message: 'busy' })
  await show('line cut', 0)
}
main()
JS
timeout 60 node create.cjs >seen

cat >known <<'TXT'
npm fedapay 1.2.5
   200 made: made 1 pending
   422 refused: ApiConnectionError | Error false | text [object Object] | httpStatus 422
   401 wrong key: ApiConnectionError | Error false | text [object Object] | httpStatus 401
   503 busy: ApiConnectionError | Error false | text [object Object] | httpStatus 503
   line cut: ApiConnectionError | Error false | text [object Object] | httpStatus null
TXT

echo 'guess: a kind of error of its own for a refusal, and each of them an Error'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
