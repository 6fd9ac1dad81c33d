#!/usr/bin/env bash
# Verve is a card of Nigeria: its numbers begin 506099 to 506198, 507865 to 507964 or 650002 to 650027. A checkout shows
# the brand while the customer types, and some shops choose the channel by it.
# One would guess that the well-known brand packages say Verve, or nothing.
# npm credit-card-type 10.3.0 says verve for 5060 and 5078 and discover for 6500;
# creditcard.js 3.0.58 says Aura, a card of Brazil; payment 2.4.7 says maestro;
# creditcards 5.0.0 says nothing for 5060 and Discover for 6500. No two of the four agree on all numbers.
# Of a UnionPay number of 19 digits creditcard.js says valid, and names it "Credit card is invalid!".
# Whoever refuses brands that he does not take, or routes by them, turns away Nigerian cards.
# The numbers here are made up of zeros and a check digit.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts \
  credit-card-type@10.3.0 creditcard.js@3.0.58 payment@2.4.7 creditcards@5.0.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >brands.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version
const creditCardType = require('credit-card-type')
const creditcards = require('creditcards')
const payment = require('payment')
const creditcardJs = await import('creditcard.js')
for (const name of ['credit-card-type', 'creditcard.js', 'payment', 'creditcards']) console.log('npm', name, version(name))

function withCheckDigit(prefix, length) {
  const body = prefix.padEnd(length - 1, '0')
  const sum = [...body].reverse().reduce((total, digit, at) => {
    const value = at % 2 === 0 ? digit * 2 : Number(digit)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return body + String((10 - (sum % 10)) % 10)
}

const cards = [['Verve', '506099', 16], ['Verve', '506099', 19], ['Verve', '507865', 16], ['Verve', '650002', 16], ['UnionPay', '62', 19]]
for (const [brand, prefix, length] of cards) {
  const number = withCheckDigit(prefix, length)
  console.log('  ', brand, number)
  console.log('      credit-card-type:', creditCardType(number).map((type) => type.type).join(' '))
  console.log('      creditcard.js:   ', creditcardJs.getCreditCardNameByNumber(number), '| valid', creditcardJs.isValid(number))
  console.log('      payment:         ', payment.fns.cardType(number))
  console.log('      creditcards:     ', creditcards.card.type(number, true))
}
JS
timeout 60 node brands.mjs >seen

cat >known <<'TXT'
npm credit-card-type 10.3.0
npm creditcard.js 3.0.58
npm payment 2.4.7
npm creditcards 5.0.0
   Verve 5060990000000008
      credit-card-type: verve
      creditcard.js:    Aura | valid true
      payment:          maestro
      creditcards:      undefined
   Verve 5060990000000000001
      credit-card-type: verve
      creditcard.js:    Aura | valid true
      payment:          maestro
      creditcards:      undefined
   Verve 5078650000000008
      credit-card-type: verve
      creditcard.js:    Aura | valid true
      payment:          maestro
      creditcards:      undefined
   Verve 6500020000000000
      credit-card-type: discover
      creditcard.js:    Discover | valid true
      payment:          discover
      creditcards:      Discover
   UnionPay 6200000000000000000
      credit-card-type: unionpay
      creditcard.js:    Credit card is invalid! | valid true
      payment:          unionpay
      creditcards:      UnionPay
TXT

echo 'guess: each package says Verve or nothing for the first four'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
