#!/usr/bin/env bash
# A row of MT940 has a value date with a year (251231) and an entry date without one (0102).
# One would guess that a reader takes the year that puts the entry next to the value date: 2026-01-02.
# npm mt940js 1.3.5, mt940-js 1.0.0 and swiftmessageparser 1.2.1 take the year of the value date:
# the entry of 2 January 2026 is dated 2 January 2025, twelve months early, and the other way round
# an entry of 31 December 2025 with value 2 January 2026 lies a year ahead, on 31 December 2026.
# Python's mt-940 5.1.1 is right. All four are right on every other day of the year.
# Whoever books or matches by entry date loses the payments around New Year from his report,
# and nobody's test of a statement of June shows it.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts \
  mt940-js@1.0.0 tslib@2.8.1 mt940js@1.3.5 swiftmessageparser@1.2.1 >log 2>&1 || { cat log >&2; exit 2; }
python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check mt-940==5.1.1 >log 2>&1 || { cat log >&2; exit 2; }

cat >statement.sta <<'STA'
:20:STATEMENT1
:25:12345678/1234567
:28C:00001/001
:60F:C251231EUR0,00
:61:2512310102C5,NTRFINV1
:86:valued before New Year
:61:2601021231C5,NTRFINV2
:86:valued after New Year
:62F:C260102EUR10,00
-
STA

cat >read.py <<'PY'
from importlib.metadata import version

import mt940

print('PyPI mt-940', version('mt-940'))
for row in mt940.parse(open('statement.sta').read()):
    print('   value', row.data['date'], 'entry', row.data['entry_date'])
PY

cat >read.cjs <<'JS'
const { readFileSync } = require('node:fs')
const text = readFileSync('statement.sta')
const day = (date) => (date instanceof Date ? date.toISOString() : date).slice(0, 10)
const show = (name, rows, value) => {
  console.log('npm', name, require(`./node_modules/${name}/package.json`).version)
  for (const row of rows) console.log('   value', day(row[value]), 'entry', day(row.entryDate))
}
const main = async () => {
  const [first] = await require('mt940-js').read(text.buffer.slice(text.byteOffset, text.byteOffset + text.length))
  show('mt940-js', first.transactions, 'valueDate')
  show('mt940js', new (require('mt940js').Parser)().parse(text.toString())[0].transactions, 'date')
  const parsed = require('swiftmessageparser').parse({ type: 'mt940', data: text.toString() })
  show('swiftmessageparser', parsed[0].transactions, 'date')
}
main()
JS

{ timeout 60 venv/bin/python read.py; timeout 60 node read.cjs; } >seen

cat >known <<'TXT'
PyPI mt-940 5.1.1
   value 2025-12-31 entry 2026-01-02
   value 2026-01-02 entry 2025-12-31
npm mt940-js 1.0.0
   value 2025-12-31 entry 2025-01-02
   value 2026-01-02 entry 2026-12-31
npm mt940js 1.3.5
   value 2025-12-31 entry 2025-01-02
   value 2026-01-02 entry 2026-12-31
npm swiftmessageparser 1.2.1
   value 2025-12-31 entry 2025-01-02
   value 2026-01-02 entry 2026-12-31
TXT

echo 'guess: every entry lies two days from its value date'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
