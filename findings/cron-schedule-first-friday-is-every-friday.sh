#!/usr/bin/env bash
# A cron expression 0 9 * * 5#1 means the first Friday of a month, 5L the last one, and
# 15W the working day nearest the 15th: usual marks for pay days and settlement days.
# One would guess that a parser that does not know the marks refuses them, as npm cron 4.4.0 does.
# npm cron-schedule 6.0.0 reads the number that a field begins with and drops the rest in silence:
# 5#1 and 5L are every Friday, 15W is the 15th, be it a Sunday.
# It does refuse a field that begins with the mark, such as L, so it seems to check.
# npm croner 11.0.0 and cron-parser 5.10.5 read 5#1 and 5L as meant.
# Whoever moves a monthly fee from one scheduler to this one takes it four or five times a month.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts \
  cron-schedule@6.0.0 croner@11.0.0 cron-parser@5.10.5 cron@4.4.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >next.mjs <<'JS'
import { readFileSync } from 'node:fs'
import cron from 'cron'
import cronParser from 'cron-parser'
import { parseCronExpression } from 'cron-schedule'
import { Cron } from 'croner'
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version
for (const name of ['cron-schedule', 'croner', 'cron-parser', 'cron']) console.log('npm', name, version(name))
const start = new Date('2026-01-15T12:00:00Z')
const days = (dates) => dates.map((date) => date.toISOString().slice(0, 10)).join(' ')

const libraries = {
  'cron-schedule': (text) => days(parseCronExpression(text).getNextDates(4, start)),
  croner: (text) => days(new Cron(text, { timezone: 'UTC', paused: true }).nextRuns(4, start)),
  'cron-parser': (text) => days(cronParser.CronExpressionParser.parse(text, { currentDate: start, tz: 'UTC' }).take(4).map((one) => one.toDate())),
  cron: (text) => days([new cron.CronTime(text, 'UTC').getNextDateFrom(start, 'UTC').toJSDate()]),
}
for (const text of ['0 9 * * 5#1', '0 9 * * 5L', '0 9 15W * *', '0 9 L * *']) {
  console.log(`   ${text}`)
  for (const [name, next] of Object.entries(libraries)) {
    let result = 'refused'
    try {
      result = next(text)
    } catch {}
    console.log('     ', name.padEnd(13), result)
  }
}
JS
timeout 60 node next.mjs >seen

cat >known <<'TXT'
npm cron-schedule 6.0.0
npm croner 11.0.0
npm cron-parser 5.10.5
npm cron 4.4.0
   0 9 * * 5#1
      cron-schedule 2026-01-16 2026-01-23 2026-01-30 2026-02-06
      croner        2026-02-06 2026-03-06 2026-04-03 2026-05-01
      cron-parser   2026-02-06 2026-03-06 2026-04-03 2026-05-01
      cron          refused
   0 9 * * 5L
      cron-schedule 2026-01-16 2026-01-23 2026-01-30 2026-02-06
      croner        2026-01-30 2026-02-27 2026-03-27 2026-04-24
      cron-parser   2026-01-30 2026-02-27 2026-03-27 2026-04-24
      cron          refused
   0 9 15W * *
      cron-schedule 2026-02-15 2026-03-15 2026-04-15 2026-05-15
      croner        2026-02-16 2026-03-16 2026-04-15 2026-05-15
      cron-parser   refused
      cron          refused
   0 9 L * *
      cron-schedule refused
      croner        2026-01-31 2026-02-28 2026-03-31 2026-04-30
      cron-parser   2026-01-31 2026-02-28 2026-03-31 2026-04-30
      cron          refused
TXT

echo 'guess: one date a month, or refused'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
