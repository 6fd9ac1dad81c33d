#!/usr/bin/env bash
# MT940 marks a reversal of a credit with RC: the bank takes back money that it had given before.
# One would guess that every reader of MT940 books RC as money out, as the closing balance does.
# Python's mt-940 5.1.1 gives RC the amount +12.50, as if the bank had given the money once more:
# the sum of its transactions is then not the difference of the two balances that it read itself.
# npm mt940-js 1.0.0 says isCredit: true for RC, and isCredit: false for RD, a fee given back.
# npm mt940js 1.3.5 gives -12.5 and 3.25, which is right: the readers disagree about the sign of money.
# Whoever credits a customer for each positive row of a statement pays him a second time
# on the day when the bank takes the money back. Check the sum of rows against the balances.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts mt940-js@1.0.0 tslib@2.8.1 mt940js@1.3.5 >log 2>&1 || { cat log >&2; exit 2; }
python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check mt-940==5.1.1 >log 2>&1 || { cat log >&2; exit 2; }

cat >statement.sta <<'STA'
:20:STATEMENT1
:25:12345678/1234567
:28C:00001/001
:60F:C260101EUR1000,00
:61:2601020102C100,NTRFINV1
:86:paid in
:61:2601020102RC12,5NTRFINV2
:86:credit taken back
:61:2601020102RD3,25NTRFFEE1
:86:fee given back
:62F:C260102EUR1090,75
-
STA

cat >read.py <<'PY'
from importlib.metadata import version

import mt940

rows = mt940.parse(open('statement.sta').read())
print('PyPI mt-940', version('mt-940'))
for row in rows:
    print('  ', row.data['status'], row.data['amount'].amount)
opened = rows.data['final_opening_balance'].amount.amount
closed = rows.data['final_closing_balance'].amount.amount
print('   sum of rows', sum(row.data['amount'].amount for row in rows), 'balance grew by', closed - opened)
PY

cat >read.cjs <<'JS'
const { readFileSync } = require('node:fs')
const version = (name) => require(`./node_modules/${name}/package.json`).version
const text = readFileSync('statement.sta')
const main = async () => {
  const [statement] = await require('mt940-js').read(text.buffer.slice(text.byteOffset, text.byteOffset + text.length))
  console.log('npm mt940-js', version('mt940-js'))
  for (const row of statement.transactions) console.log('   isCredit', row.isCredit, row.amount)
  const { Parser } = require('mt940js')
  console.log('npm mt940js', version('mt940js'))
  for (const row of new Parser().parse(text.toString())[0].transactions) console.log('  ', row.amount)
}
main()
JS

{ timeout 60 venv/bin/python read.py; timeout 60 node read.cjs; } >seen

cat >known <<'TXT'
PyPI mt-940 5.1.1
   C 100
   RC 12.5
   RD 3.25
   sum of rows 115.75 balance grew by 90.75
npm mt940-js 1.0.0
   isCredit true 100
   isCredit true 12.5
   isCredit false 3.25
npm mt940js 1.3.5
   100
   -12.5
   3.25
TXT

echo 'guess: C +100, RC -12.50, RD +3.25 in all three; the sum of rows is 90.75'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
