#!/usr/bin/env bash
# Moneta 1.4.5 is the reference implementation of Java's money standard, JSR 354.
# One would guess that an amount is shown with the decimals of its currency: NGN two, XOF none.
# MonetaryFormats takes them from the home currency of the reader's locale: a reader in Senegal, whose
# franc has no decimals, sees 1499.50 naira as 1 500 NGN and 0.49 naira as 0 NGN;
# a reader in the United States sees 1500 francs as 1,500.00, and Tunisia's 1.005 dinars as 1.00.
# Half a naira is rounded away or added on the screen, while the amount that is charged is exact.
# The same happens on a checkout of a shop that sells across the border of two currencies,
# which nearly every shop between Lagos and Cotonou does. Set the digits from the currency yourself.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >pom.xml <<'XML'
<project><modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId><artifactId>money</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.javamoney.moneta</groupId><artifactId>moneta-core</artifactId><version>1.4.5</version></dependency>
  </dependencies>
</project>
XML
timeout 400 mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars >log 2>&1 || { cat log >&2; exit 2; }

cat >Show.java <<'JAVA'
import java.io.PrintStream;
import java.math.BigDecimal;
import java.util.Locale;
import javax.money.format.MonetaryFormats;
import org.javamoney.moneta.Money;

class Show {
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    out.println("Maven org.javamoney.moneta:moneta-core 1.4.5");
    String[][] amounts = {{"1499.50", "NGN"}, {"0.49", "NGN"}, {"1500", "XOF"}, {"1.005", "TND"}};
    for (String locale : new String[] {"en-NG", "fr-SN", "en-US", "fr-TN"}) {
      StringBuilder line = new StringBuilder("   " + locale + ":");
      for (String[] amount : amounts) {
        Money money = Money.of(new BigDecimal(amount[0]), amount[1]);
        String shown = MonetaryFormats.getAmountFormat(Locale.forLanguageTag(locale)).format(money);
        // Digits, points and commas alone: signs and spaces differ between releases of Java.
        line.append(" ").append(amount[0]).append(" ").append(amount[1]).append(" is ").append(shown.replaceAll("[^0-9.,]", "")).append(" |");
      }
      out.println(line);
    }
  }
}
JAVA
timeout 120 java -cp 'jars/*' Show.java >seen 2>log || { cat log >&2; exit 2; }

cat >known <<'TXT'
Maven org.javamoney.moneta:moneta-core 1.4.5
   en-NG: 1499.50 NGN is 1,499.50 | 0.49 NGN is 0.49 | 1500 XOF is 1,500.00 | 1.005 TND is 1.00 |
   fr-SN: 1499.50 NGN is 1500 | 0.49 NGN is 0 | 1500 XOF is 1500 | 1.005 TND is 1 |
   en-US: 1499.50 NGN is 1,499.50 | 0.49 NGN is 0.49 | 1500 XOF is 1,500.00 | 1.005 TND is 1.00 |
   fr-TN: 1499.50 NGN is 1499,500 | 0.49 NGN is 0,490 | 1500 XOF is 1500,000 | 1.005 TND is 1,005 |
TXT

echo 'guess: two decimals for NGN, none for XOF, three for TND, wherever the reader is'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
