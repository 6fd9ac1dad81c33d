#!/usr/bin/env bash
# PyPI price-parser 0.5.1 takes an amount and a currency out of a text such as "NGN 1,500.50".
# Dinars of Tunisia, Bahrain and Kuwait have three decimals: "12.345 TND" is twelve dinars and a bit.
# One would guess that a library that finds the currency in the text uses it to read the amount.
# It does not: three digits after the last point or comma are always thousands, so it gives 12345 TND,
# and "0.500 KWD" is 500 though no thousands begin with a zero.
# The sign is lost too: "-500.00", "(500.00)" and "500.00-" are all 500.00.
# Whoever reads a bank's alert or a merchant's sheet by it books a thousand times the amount,
# or books a refund as a payment; amounts of naira in the same sheet are right.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check price-parser==0.5.1 attrs==26.1.0 >log 2>&1 ||
  { cat log >&2; exit 2; }

cat >read.py <<'PY'
from importlib.metadata import version

from price_parser import Price

print('PyPI price-parser', version('price-parser'))
for text in ['NGN 1,500.50', '12.345 TND', '0.500 KWD', '1.250 BHD', 'TND 12.3450', '-500.00', '(500.00)', '500.00-']:
    price = Price.fromstring(text)
    print('  ', repr(text), 'is', price.amount, price.currency)
PY
timeout 60 venv/bin/python read.py >seen

cat >known <<'TXT'
PyPI price-parser 0.5.1
   'NGN 1,500.50' is 1500.50 NGN
   '12.345 TND' is 12345 TND
   '0.500 KWD' is 500 KWD
   '1.250 BHD' is 1250 BHD
   'TND 12.3450' is 12.3450 TND
   '-500.00' is 500.00 None
   '(500.00)' is 500.00 None
   '500.00-' is 500.00 None
TXT

echo 'guess: 1500.50, 12.345, 0.500, 1.250, 12.3450, and three times -500.00'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
