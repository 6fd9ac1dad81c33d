#!/usr/bin/env bash
# npm money-math 2.6.3 promises exact sums on amounts as text, "-20.00", with big integers inside.
# One would guess that a refund behaves as a payment with a minus before it.
# Multiplication by ten percent turns -0.05 into +0.01: a small refund becomes a charge.
# A fee of 0.05 percent on -10.00 is 0.01 too. Division of -20.00 by three gives -6.65, not -6.67,
# and 7.5 percent of -200.50 are -15.03 where those of 200.50 are 15.04.
# roundTo5Cents makes -0.95 of -1.03, where it makes 1.05 of 1.03.
# It adds half a unit before it cuts, also below zero. Sums and differences are right.
# Whoever computes fees or taxes of refunds by it does not reverse the fee of the payment.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts money-math@2.6.3 >log 2>&1 || { cat log >&2; exit 2; }

cat >compute.cjs <<'JS'
const { readFileSync } = require('node:fs')
const money = require('money-math')
console.log('npm money-math', JSON.parse(readFileSync('node_modules/money-math/package.json')).version)
const cases = [
  ['mul', '0.05', '0.10'],
  ['percent', '10.00', '0.05'],
  ['div', '20.00', '3.00'],
  ['div', '2.00', '3.00'],
  ['percent', '200.50', '7.50'],
  ['roundTo5Cents', '1.03'],
  ['add', '1.03', '0.05'],
]
for (const [name, first, ...rest] of cases)
  console.log('  ', name, first, ...rest, 'is', money[name](first, ...rest), '| of', `-${first}`, 'it is', money[name](`-${first}`, ...rest))
JS
timeout 60 node compute.cjs >seen

cat >known <<'TXT'
npm money-math 2.6.3
   mul 0.05 0.10 is 0.01 | of -0.05 it is 0.01
   percent 10.00 0.05 is 0.01 | of -10.00 it is 0.01
   div 20.00 3.00 is 6.67 | of -20.00 it is -6.65
   div 2.00 3.00 is 0.67 | of -2.00 it is -0.65
   percent 200.50 7.50 is 15.04 | of -200.50 it is -15.03
   roundTo5Cents 1.03 is 1.05 | of -1.03 it is -0.95
   add 1.03 0.05 is 1.08 | of -1.03 it is -0.98
TXT

echo 'guess: the right-hand side is the left-hand side with a minus, or zero; only add differs'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
