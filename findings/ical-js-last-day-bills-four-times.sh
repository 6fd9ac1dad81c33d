#!/usr/bin/env bash
# A plan billed on the last day of the month is, in RFC 5545, MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1:
# of the days 28 to 31 that the month has, the last. It is the usual way to anchor a bill on day 31.
# One would guess 31 January, 28 February, 31 March, 30 April, as npm rrule 2.8.1 gives.
# npm ical.js 2.2.1 starts so, but it asks for the last of the set in the first two months alone:
# in March it gives the 28th, the 29th, the 30th and the 31st, and so on in each month after.
# A yearly rule that starts on 29 February gives 1 March 2025, where the rule means 2028.
# Whoever expands a billing calendar by it charges a customer four times in March,
# and a test of two months is green.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts ical.js@2.2.1 rrule@2.8.1 >log 2>&1 || { cat log >&2; exit 2; }

cat >expand.mjs <<'JS'
import { readFileSync } from 'node:fs'
import ICAL from 'ical.js'
import rrule from 'rrule'
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version
console.log('npm ical.js', version('ical.js'), '| npm rrule', version('rrule'))
const rules = [
  ['2026-01-31', 'FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1;COUNT=8'],
  ['2026-01-31', 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=8'],
  ['2024-02-29', 'FREQ=YEARLY;COUNT=3'],
]
for (const [start, rule] of rules) {
  const steps = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromString(`${start}T09:00:00Z`))
  const first = []
  for (let next = steps.next(); next; next = steps.next()) first.push(next.toString().slice(0, 10))
  const dtstart = `${start.replaceAll('-', '')}T090000Z`
  const second = rrule.rrulestr(`DTSTART:${dtstart}\nRRULE:${rule}`).all().map((date) => date.toISOString().slice(0, 10))
  console.log(start, rule)
  console.log('   ical.js', first.join(' '))
  console.log('   rrule  ', second.join(' '))
}
JS

timeout 60 node expand.mjs >seen

cat >known <<'TXT'
npm ical.js 2.2.1 | npm rrule 2.8.1
2026-01-31 FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1;COUNT=8
   ical.js 2026-01-31 2026-02-28 2026-03-28 2026-03-29 2026-03-30 2026-03-31 2026-04-28 2026-04-29
   rrule   2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31 2026-06-30 2026-07-31 2026-08-31
2026-01-31 FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=8
   ical.js 2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31 2026-06-30 2026-07-31 2026-08-31
   rrule   2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31 2026-06-30 2026-07-31 2026-08-31
2024-02-29 FREQ=YEARLY;COUNT=3
   ical.js 2024-02-29 2025-03-01 2026-03-01
   rrule   2024-02-29 2028-02-29 2032-02-29
TXT

echo 'guess: one date a month, the last day of it; and 29 February only in leap years'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
