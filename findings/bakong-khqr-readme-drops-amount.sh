#!/usr/bin/env bash
# KHQR is the merchant QR code of Cambodia; npm bakong-khqr 1.0.20 is the package for it.
# One would guess that the example of its README makes the code that the README describes.
# The example passes account, currency, name, city, options; the constructor takes account, name, city, options.
# So the currency number 116 becomes the merchant's name, the name becomes the city, and the options,
# with the amount of 100000 riel in them, are dropped. The status of the result is 0, which means success.
# The code is valid, by its own check too: it is a static code, in which the payer chooses the amount.
# With the arguments in the order of the source, the amount is there.
# Whoever copies the example takes payments of any amount, to a merchant called 116.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts bakong-khqr@1.0.20 >log 2>&1 || { cat log >&2; exit 2; }

cat >write.cjs <<'JS'
const { readFileSync } = require('node:fs')
const { BakongKHQR, khqrData, IndividualInfo } = require('bakong-khqr')
console.log('npm bakong-khqr', JSON.parse(readFileSync('node_modules/bakong-khqr/package.json')).version)
const options = { currency: khqrData.currency.khr, amount: 100000, expirationTimestamp: 4102444800000 }

function show(label, information) {
  const { status, data } = new BakongKHQR().generateIndividual(information)
  const read = BakongKHQR.decode(data.qr).data
  console.log('  ', label)
  console.log('      status', status.code, '| valid', BakongKHQR.verify(data.qr).isValid)
  console.log('      name', read.merchantName, '| city', read.merchantCity, '| amount', read.transactionAmount)
}

show('as in the README', new IndividualInfo('jane@abaa', khqrData.currency.khr, 'Jane Doe', 'Battambang', options))
show('as in the source', new IndividualInfo('jane@abaa', 'Jane Doe', 'Battambang', options))
JS
timeout 60 node write.cjs >seen

cat >known <<'TXT'
npm bakong-khqr 1.0.20
   as in the README
      status 0 | valid true
      name 116 | city Jane Doe | amount null
   as in the source
      status 0 | valid true
      name Jane Doe | city Battambang | amount 100000
TXT

echo 'guess: name Jane Doe, city Battambang, amount 100000 for both'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
