#!/usr/bin/env bash
# Receipts and cheques carry the amount in words; PyPI num2words 0.5.14 has to='currency' for it.
# One would guess that 100, 100.0, "100" and Decimal(100) are one amount, and so one text.
# A whole number counts minor units, all else counts major units: 100 is "one naira, zero kobo",
# while 100.0, "100" and Decimal("100") are "one hundred naira, zero kobo".
# Whoever divides kobo by 100 with // instead of / writes a hundredth of the amount.
# In Arabic the rule does not hold (100 is a hundred), and the currency asked for is not used:
# euros and naira are called riyals, as the money of Saudi Arabia is, without an error.
# The text in words is the one that counts where figures and words differ.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check num2words==0.5.14 docopt==0.6.2 >log 2>&1 ||
  { cat log >&2; exit 2; }

cat >words.py <<'PY'
from decimal import Decimal
from importlib.metadata import version

from num2words import num2words

print('PyPI num2words', version('num2words'))
for amount in [100, 100.0, '100', Decimal('100'), Decimal('100.00')]:
    print('  ', repr(amount), 'NGN:', num2words(amount, to='currency', lang='en_NG', currency='NGN'))
for amount in [100, 100.0]:
    print('  ', repr(amount), 'EUR:', num2words(amount, to='currency', lang='fr', currency='EUR'))
for currency in ['SAR', 'NGN', 'EUR']:
    print('   100', currency, 'ar:', num2words(100, to='currency', lang='ar', currency=currency))
PY
timeout 60 env PYTHONIOENCODING=utf-8 venv/bin/python words.py >seen

cat >known <<'TXT'
PyPI num2words 0.5.14
   100 NGN: one naira, zero kobo
   100.0 NGN: one hundred naira, zero kobo
   '100' NGN: one hundred naira, zero kobo
   Decimal('100') NGN: one hundred naira, zero kobo
   Decimal('100.00') NGN: one hundred naira, zero kobo
   100 EUR: un euro et zéro centimes
   100.0 EUR: cent euros et zéro centimes
   100 SAR ar: مائة ريال
   100 NGN ar: مائة ريال
   100 EUR ar: مائة ريال
TXT

echo 'guess: "one hundred naira, zero kobo" five times; each currency of the Arabic lines by its own name'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
