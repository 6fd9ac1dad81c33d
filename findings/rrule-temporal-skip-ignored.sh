#!/usr/bin/env bash
# RFC 7529 has SKIP=BACKWARD for bills anchored on day 31: a month without that day is billed on its last.
# One would guess that npm rrule-temporal 2.2.8, which reads SKIP, gives 31 January, 28 February, 31 March.
# It does when the day comes from the start date alone. When the rule names the same day, BYMONTHDAY=31,
# as nearly every calendar program writes it, SKIP is dropped without a word and the short months
# are not billed at all: 31 January, 31 March, 31 May. RFC 7529 makes no such difference.
# The Java library lib-recur 0.17.1, by an author of that RFC, gives 28 February for both.
# A subscriber who joined on the 31st is billed seven times a year by the one spelling
# and twelve times by the other.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts rrule-temporal@2.2.8 >log 2>&1 || { cat log >&2; exit 2; }
cat >pom.xml <<'XML'
<project><modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId><artifactId>skip</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.dmfs</groupId><artifactId>lib-recur</artifactId><version>0.17.1</version></dependency>
  </dependencies>
</project>
XML
timeout 400 mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars >log 2>&1 || { cat log >&2; exit 2; }

cat >expand.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { RRuleTemporal } from 'rrule-temporal'
console.log('npm rrule-temporal', JSON.parse(readFileSync('node_modules/rrule-temporal/package.json')).version)
for (const rule of readFileSync('rules', 'utf8').trim().split('\n')) {
  const dates = new RRuleTemporal({ rruleString: `DTSTART:20260131T090000Z\nRRULE:${rule}` }).all()
  console.log('  ', rule, dates.map((date) => date.toString().slice(0, 10)).join(' '))
}
JS

cat >Expand.java <<'JAVA'
import java.nio.file.*;
import org.dmfs.rfc5545.DateTime;
import org.dmfs.rfc5545.recur.*;

class Expand {
  public static void main(String[] args) throws Exception {
    System.out.println("Maven org.dmfs:lib-recur 0.17.1");
    for (String rule : Files.readAllLines(Path.of("rules"))) {
      StringBuilder line = new StringBuilder("   " + rule);
      RecurrenceRuleIterator dates = new RecurrenceRule(rule).iterator(DateTime.parse("20260131T090000Z"));
      while (dates.hasNext()) line.append(" ").append(dates.nextDateTime().toString(), 0, 8);
      System.out.println(line);
    }
  }
}
JAVA

cat >rules <<'TXT'
RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4
RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=31;COUNT=4
TXT

{ timeout 60 node expand.mjs; timeout 120 java -cp 'jars/*' Expand.java; } >seen

cat >known <<'TXT'
npm rrule-temporal 2.2.8
   RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4 2026-01-31 2026-02-28 2026-03-31 2026-04-30
   RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=31;COUNT=4 2026-01-31 2026-03-31 2026-05-31 2026-07-31
Maven org.dmfs:lib-recur 0.17.1
   RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4 20260131 20260228 20260331 20260430
   RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=31;COUNT=4 20260131 20260228 20260331 20260430
TXT

echo 'guess: 31 January, 28 February, 31 March, 30 April for both spellings'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
