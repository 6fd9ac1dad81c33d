#!/usr/bin/env bash
# An amount is split by shares, and what cannot be split evenly goes to some of the parties.
# One would guess that a party whose share is 0 gets 0: it has no part in the sale.
# Go's go-money 1.0.15 and npm ts-money 0.4.8 split 5 kobo by 0:50:50 into 1, 2, 2:
# they hand the spare kobo to the first in the list, whatever his share is.
# npm dinero.js 2.0.2 gives the first party 0, as one would guess.
# With -100 in three even shares, ts-money gives the spare to the last, dinero.js to the first.
# Whoever splits a sale among sub-accounts sends payouts to one who must have none,
# and a refund computed by the second library does not undo a split of the first.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts ts-money@0.4.8 dinero.js@2.0.2 >log 2>&1 || { cat log >&2; exit 2; }
cat >go.mod <<'MOD'
module findings
go 1.21
MOD
timeout 300 go get github.com/Rhymond/go-money@v1.0.15 >log 2>&1 || { cat log >&2; exit 2; }

cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/Rhymond/go-money"
)

func split(amount int64, shares ...int) {
	parts, _ := money.New(amount, money.NGN).Allocate(shares...)
	fmt.Print("   ", amount, " by ", shares, " =")
	for _, part := range parts {
		fmt.Print(" ", part.Amount())
	}
	fmt.Println()
}

func main() {
	split(5, 0, 50, 50)
	split(100, 0, 1, 1, 1)
	split(-100, 1, 1, 1)
}
GO

cat >split.cjs <<'JS'
const { readFileSync } = require('node:fs')
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version
const { Money } = require('ts-money')
const { dinero, allocate } = require('dinero.js')
const { NGN } = require('dinero.js/currencies')
const cases = [[5, [0, 50, 50]], [100, [0, 1, 1, 1]], [-100, [1, 1, 1]]]
const show = (amount, shares, parts) => console.log('  ', amount, 'by', `[${shares.join(' ')}]`, '=', parts.join(' '))
console.log('npm ts-money', version('ts-money'))
for (const [amount, shares] of cases)
  show(amount, shares, Money.fromInteger({ amount, currency: 'NGN' }).allocate(shares).map((part) => part.amount))
console.log('npm dinero.js', version('dinero.js'))
for (const [amount, shares] of cases)
  show(amount, shares, allocate(dinero({ amount, currency: NGN }), shares).map((part) => part.toJSON().amount))
JS

{
  timeout 120 go list -mod=mod -m github.com/Rhymond/go-money
  timeout 300 go run -mod=mod .
  timeout 60 node split.cjs
} >seen

cat >known <<'TXT'
github.com/Rhymond/go-money v1.0.15
   5 by [0 50 50] = 1 2 2
   100 by [0 1 1 1] = 1 33 33 33
   -100 by [1 1 1] = -34 -33 -33
npm ts-money 0.4.8
   5 by [0 50 50] = 1 2 2
   100 by [0 1 1 1] = 1 33 33 33
   -100 by [1 1 1] = -33 -33 -34
npm dinero.js 2.0.2
   5 by [0 50 50] = 0 3 2
   100 by [0 1 1 1] = 0 34 33 33
   -100 by [1 1 1] = -34 -33 -33
TXT

echo 'guess: the party with share 0 gets 0, and the libraries agree on who gets the spare'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
