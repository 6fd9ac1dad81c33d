#!/usr/bin/env bash
# A QR code for a SEPA transfer (EPC069-12) may leave the amount out: the payer of a donation types it.
# One would guess that npm iban-qr-code 1.0.0 writes an empty line when no amount is given, or throws.
# It writes EUR19.05, the amount of its own example, and the reason "Testsubject" of that example.
# A number as the amount is written as JavaScript prints it: 10.5 becomes EUR10.5.
# Its other writer of the same file, bezahlcode, writes 0.00 for the same order.
# Whoever prints donation codes by it asks each giver for 19.05 euros,
# and a test that gives all fields does not see it.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts iban-qr-code@1.0.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >write.cjs <<'JS'
const { readFileSync } = require('node:fs')
const { girocode, bezahlcode } = require('iban-qr-code')
console.log('npm iban-qr-code', JSON.parse(readFileSync('node_modules/iban-qr-code/package.json')).version)
const order = { name: 'Jane Doe', iban: 'FI2112345600000785', bic: '' }
const show = (label, text) => console.log('  ', label, JSON.stringify(text))
show('no amount:', girocode(order))
show('no amount:', bezahlcode(order))
show('10.5:', girocode({ ...order, amount: 10.5, reason: 'Invoice 1' }))
show('"10.50":', girocode({ ...order, amount: '10.50', reason: 'Invoice 1' }))
JS
timeout 60 node write.cjs >seen

cat >known <<'TXT'
npm iban-qr-code 1.0.0
   no amount: "BCD\n001\n2\nSCT\n\nJane Doe\nFI2112345600000785\nEUR19.05\n\n\nTestsubject\n"
   no amount: "bank://singlepaymentsepa?bic=&name=Jane%20Doe&iban=FI2112345600000785&amount=0%2C00&separeference=&reason="
   10.5: "BCD\n001\n2\nSCT\n\nJane Doe\nFI2112345600000785\nEUR10.5\n\n\nInvoice 1\n"
   "10.50": "BCD\n001\n2\nSCT\n\nJane Doe\nFI2112345600000785\nEUR10.50\n\n\nInvoice 1\n"
TXT

echo 'guess: an empty line for the amount that was left out'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
