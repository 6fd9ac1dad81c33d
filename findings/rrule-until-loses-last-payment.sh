#!/usr/bin/env bash
# A plan of three payments at 09:00 in Lagos ends on 1 March 09:00 there, which is 08:00 UTC.
# RFC 5545 asks for UNTIL in UTC when the start has a zone, and counts a payment at UNTIL itself.
# One would guess three payments. npm rrule 2.8.1 gives two, and says nothing: it compares the
# wall clock of the zone (09:00) with the UTC time of UNTIL (08:00), so east of Greenwich
# the last payment is lost, and west of it a plan may run one payment too long.
# PyPI python-dateutil 2.9.0.post0, of which rrule is a port, and npm rrule-temporal 2.2.8 give three.
# In New York rrule 2.8.1 goes on to 09:00 on 1 April although UNTIL lies two hours before it.
# Whoever ends subscriptions by UNTIL collects one instalment too few or too many, by longitude.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts \
  rrule@2.8.1 rrule-temporal@2.2.8 luxon@3.7.2 >log 2>&1 || { cat log >&2; exit 2; }
python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check python-dateutil==2.9.0.post0 six==1.17.0 >log 2>&1 ||
  { cat log >&2; exit 2; }

cat >rules <<'TXT'
DTSTART;TZID=Africa/Lagos:20260101T090000|FREQ=MONTHLY;UNTIL=20260301T080000Z
DTSTART;TZID=Africa/Nairobi:20260101T090000|FREQ=MONTHLY;UNTIL=20260301T060000Z
DTSTART;TZID=America/New_York:20260101T090000|FREQ=MONTHLY;UNTIL=20260401T110000Z
TXT

cat >expand.mjs <<'JS'
import { readFileSync } from 'node:fs'
import rrule from 'rrule'
import { RRuleTemporal } from 'rrule-temporal'
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version
console.log('npm rrule', version('rrule'), '| npm rrule-temporal', version('rrule-temporal'))
for (const line of readFileSync('rules', 'utf8').trim().split('\n')) {
  const text = line.replace('|', '\nRRULE:')
  console.log(line)
  console.log('   rrule         ', rrule.rrulestr(text).all().map((date) => date.toISOString().slice(0, 16)).join(' '))
  const instants = new RRuleTemporal({ rruleString: text }).all().map((date) => date.toInstant().toString().slice(0, 16))
  console.log('   rrule-temporal', instants.join(' '))
}
JS

cat >expand.py <<'PY'
from importlib.metadata import version

from dateutil.rrule import rrulestr
from dateutil.tz import UTC

print('PyPI python-dateutil', version('python-dateutil'))
for line in open('rules').read().split():
    dates = rrulestr(line.replace('|', '\nRRULE:'))
    print(line)
    print('   dateutil      ', *(date.astimezone(UTC).isoformat()[:16] for date in dates))
PY

{ timeout 60 node expand.mjs; timeout 60 venv/bin/python expand.py; } >seen

cat >known <<'TXT'
npm rrule 2.8.1 | npm rrule-temporal 2.2.8
DTSTART;TZID=Africa/Lagos:20260101T090000|FREQ=MONTHLY;UNTIL=20260301T080000Z
   rrule          2026-01-01T08:00 2026-02-01T08:00
   rrule-temporal 2026-01-01T08:00 2026-02-01T08:00 2026-03-01T08:00
DTSTART;TZID=Africa/Nairobi:20260101T090000|FREQ=MONTHLY;UNTIL=20260301T060000Z
   rrule          2026-01-01T06:00 2026-02-01T06:00
   rrule-temporal 2026-01-01T06:00 2026-02-01T06:00 2026-03-01T06:00
DTSTART;TZID=America/New_York:20260101T090000|FREQ=MONTHLY;UNTIL=20260401T110000Z
   rrule          2026-01-01T14:00 2026-02-01T14:00 2026-03-01T14:00 2026-04-01T13:00
   rrule-temporal 2026-01-01T14:00 2026-02-01T14:00 2026-03-01T14:00
PyPI python-dateutil 2.9.0.post0
DTSTART;TZID=Africa/Lagos:20260101T090000|FREQ=MONTHLY;UNTIL=20260301T080000Z
   dateutil       2026-01-01T08:00 2026-02-01T08:00 2026-03-01T08:00
DTSTART;TZID=Africa/Nairobi:20260101T090000|FREQ=MONTHLY;UNTIL=20260301T060000Z
   dateutil       2026-01-01T06:00 2026-02-01T06:00 2026-03-01T06:00
DTSTART;TZID=America/New_York:20260101T090000|FREQ=MONTHLY;UNTIL=20260401T110000Z
   dateutil       2026-01-01T14:00 2026-02-01T14:00 2026-03-01T14:00
TXT

echo 'guess: three payments (UTC) in each of the three zones, from each library'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
