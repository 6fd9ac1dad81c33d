#!/usr/bin/env bash
# MTN answers the question whether a wallet is active with {"result": true} or {"result": false}.
# npm mtn-momo 2.0.0 has isPayerActive for it, in its half for payouts and in its half for collections.
# One would guess that the two are one, and give true or false.
# Disbursements.isPayerActive gives a boolean. Collections.isPayerActive gives the whole object, which is
# true in every condition: an inactive wallet passes as active (the README calls it a string).
# Both halves return a transaction that is PENDING just as a finished one and throw only a FAILED one,
# so a caller who waits for a throw takes PENDING for paid.
# Whoever copies his guard from payouts to collections asks wallets for money that cannot answer,
# and reports them as asked. The server here runs on this machine.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts mtn-momo@2.0.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >ask.cjs <<'JS'
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const momo = require('mtn-momo')
console.log('npm mtn-momo', JSON.parse(readFileSync('node_modules/mtn-momo/package.json')).version)

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const answer = request.url.endsWith('/token/')
      ? { access_token: 'token', token_type: 'access_token', expires_in: 3600 }
      : request.url.endsWith('/active')
        ? { result: !request.url.includes('256770000000') }
        : { amount: '100', currency: 'EUR', externalId: '1', status: 'PENDING' }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
})

server.listen(0, '127.0.0.1', async () => {
  const baseUrl = `http://127.0.0.1:${server.address().port}`
  const { Collections, Disbursements } = momo.create({ callbackHost: 'example.com', baseUrl })
  const userId = '00000000-0000-4000-8000-000000000000'
  const settings = { userSecret: 'secret', userId, primaryKey: 'key' }
  for (const [half, client] of [['disbursements', Disbursements(settings)], ['collections', Collections(settings)]]) {
    console.log('  ', half)
    for (const [label, number] of [['active', '256770000001'], ['inactive', '256770000000']]) {
      const answer = await client.isPayerActive(number)
      console.log('     ', label, 'wallet:', JSON.stringify(answer), typeof answer, '| condition', Boolean(answer))
    }
    console.log('      status of a transaction that is returned:', (await client.getTransaction(userId)).status)
  }
  server.closeAllConnections()
  server.close()
})
JS
timeout 60 node ask.cjs >seen

cat >known <<'TXT'
npm mtn-momo 2.0.0
   disbursements
      active wallet: true boolean | condition true
      inactive wallet: false boolean | condition false
      status of a transaction that is returned: PENDING
   collections
      active wallet: {"result":true} object | condition true
      inactive wallet: {"result":false} object | condition true
      status of a transaction that is returned: PENDING
TXT

echo 'guess: true for the active wallet, false for the inactive one, from both halves'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
