#!/usr/bin/env bash
# BAI2 is the statement format of banks in the United States; row 16 is a transaction.
# One would guess that PyPI bai2 0.15.0 reads back what it wrote: it has a reader and a writer.
# For funds types 0, 1, 2 and Z and for none, its writer puts one empty field too many after the type.
# Its own reader then finds no bank reference, the bank's reference in the customer's place,
# and the customer's reference glued to the text. Types V, S and D are right.
# No error is raised, and the control totals still fit, since the amounts are where they were.
# Whoever splits or forwards a statement by this library and matches by reference matches nothing,
# or matches a payment to the customer whose reference looks like the bank's.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check bai2==0.15.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >trip.py <<'PY'
from importlib.metadata import version

from bai2 import bai2

statement = """01,122099999,123456789,260102,0200,1,,,2/
02,031001234,122099999,1,260102,2359,USD,2/
03,0123456789,USD,010,5000,,/
{row}
49,5100,3/
98,5100,1,5/
99,5100,1,7/
"""

def references(file):
    row = file.children[0].children[0].children[0]
    return f'bank={row.bank_reference} customer={row.customer_reference} text={row.text}'

print('PyPI bai2', version('bai2'))
for funds in ['0,', '1,', 'Z,', ',', 'V,260103,,', 'S,1,2,3,']:
    row = f'16,108,100,{funds}BANK1,CUST1,rent'
    file = bai2.parse_from_string(statement.format(row=row))
    written = bai2.write(file)
    print(row)
    print('   written    ', next(line for line in written.split('\n') if line.startswith('16,')))
    print('   read before', references(file))
    print('   read after ', references(bai2.parse_from_string(written + '\n')))
PY

timeout 60 venv/bin/python trip.py >seen

cat >known <<'TXT'
PyPI bai2 0.15.0
16,108,100,0,BANK1,CUST1,rent
   written     16,108,100,0,,BANK1,CUST1,rent
   read before bank=BANK1 customer=CUST1 text=rent
   read after  bank=None customer=BANK1 text=CUST1,rent
16,108,100,1,BANK1,CUST1,rent
   written     16,108,100,1,,BANK1,CUST1,rent
   read before bank=BANK1 customer=CUST1 text=rent
   read after  bank=None customer=BANK1 text=CUST1,rent
16,108,100,Z,BANK1,CUST1,rent
   written     16,108,100,Z,,BANK1,CUST1,rent
   read before bank=BANK1 customer=CUST1 text=rent
   read after  bank=None customer=BANK1 text=CUST1,rent
16,108,100,,BANK1,CUST1,rent
   written     16,108,100,,,BANK1,CUST1,rent
   read before bank=BANK1 customer=CUST1 text=rent
   read after  bank=None customer=BANK1 text=CUST1,rent
16,108,100,V,260103,,BANK1,CUST1,rent
   written     16,108,100,V,260103,,BANK1,CUST1,rent
   read before bank=BANK1 customer=CUST1 text=rent
   read after  bank=BANK1 customer=CUST1 text=rent
16,108,100,S,1,2,3,BANK1,CUST1,rent
   written     16,108,100,S,1,2,3,BANK1,CUST1,rent
   read before bank=BANK1 customer=CUST1 text=rent
   read after  bank=BANK1 customer=CUST1 text=rent
TXT

echo 'guess: what is read after writing is what was read before'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
