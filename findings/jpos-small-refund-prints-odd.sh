#!/usr/bin/env bash
# jPOS 2.1.9 runs card switches; ISOUtil.formatAmount prints minor units as text, for slips and logs.
# One would guess that -5 minor units are -0.05.
# It prints 0.-5, which no reader of numbers takes, -.50 for -50, and from -100 on it throws "invalid len 4/3".
# The minus is counted as a digit when zeros are put before the amount. Amounts above zero are right.
# A difference or a fee of a few minor units, the commonest negative amounts of a settlement, comes out
# as text that Java's BigDecimal refuses and that a person reads as he likes; a refund of one unit
# of money or more ends the report with an exception, though the amount fits ten times over.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >pom.xml <<'XML'
<project><modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId><artifactId>amount</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.jpos</groupId><artifactId>jpos</artifactId><version>2.1.9</version></dependency>
  </dependencies>
</project>
XML
timeout 400 mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars >log 2>&1 || { cat log >&2; exit 2; }

cat >Print.java <<'JAVA'
import java.math.BigDecimal;
import org.jpos.iso.ISOException;
import org.jpos.iso.ISOUtil;

class Print {
  public static void main(String[] args) throws Exception {
    System.out.println("Maven org.jpos:jpos 2.1.9");
    for (long amount : new long[] {5, 50, 99, 100, 12345, -5, -50, -99, -100, -12345}) {
      try {
        String shown = ISOUtil.formatAmount(amount, 12);
        System.out.println("   " + amount + " is '" + shown + "', read as a number: " + read(shown.trim()));
      } catch (ISOException error) {
        System.out.println("   " + amount + " throws " + error.getMessage());
      }
    }
  }

  static String read(String text) {
    try {
      return new BigDecimal(text).toPlainString();
    } catch (NumberFormatException error) {
      return "refused";
    }
  }
}
JAVA
timeout 120 java -cp 'jars/*' Print.java >seen 2>log || { cat log >&2; exit 2; }

cat >known <<'TXT'
Maven org.jpos:jpos 2.1.9
   5 is '        0.05', read as a number: 0.05
   50 is '        0.50', read as a number: 0.50
   99 is '        0.99', read as a number: 0.99
   100 is '        1.00', read as a number: 1.00
   12345 is '      123.45', read as a number: 123.45
   -5 is '        0.-5', read as a number: refused
   -50 is '        -.50', read as a number: -0.50
   -99 is '        -.99', read as a number: -0.99
   -100 throws invalid len 4/3
   -12345 throws invalid len 6/3
TXT

echo "guess: -5 is '       -0.05'"
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
