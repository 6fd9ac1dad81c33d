#!/usr/bin/env bash
# Terminals print receipts on small printers by ESC/POS, with code pages of 256 characters.
# One would guess that an encoder tells the caller when a page lacks a character: the naira, the cedi.
# npm @point-of-sale/receipt-printer-encoder 4.0.1 and PyPI python-escpos 3.1 send a question mark.
# "N" with strokes 1,500.00 and "C" with a stroke 20.00 come out as ?1,500.00 and GH?20.00, the rupee too.
# The first even sends ?5 for 5 euros unless the caller asks for codepage('auto'); then the euro is right.
# No error, no warning, no list of what was lost. A sum after a question mark reads as a doubtful one,
# and two currencies on one receipt look the same.
# Whoever prints for Lagos or Accra writes NGN and GHS in letters.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts \
  @point-of-sale/receipt-printer-encoder@4.0.1 >log 2>&1 || { cat log >&2; exit 2; }
python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check python-escpos==3.1 >log 2>&1 || { cat log >&2; exit 2; }

cat >texts <<'TXT'
₦1,500.00
GH₵20.00
₹500
€5
NGN 1,500.00
TXT

cat >encode.mjs <<'JS'
import { readFileSync } from 'node:fs'
import Encoder from '@point-of-sale/receipt-printer-encoder'
const name = '@point-of-sale/receipt-printer-encoder'
console.log('npm', name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version)
const visible = (bytes) => Buffer.from(bytes).toString('latin1').replace(/\x1bt[^]/g, '').replace(/[^\x20-\x7e]/g, (one) => one < ' ' ? '' : `<${one.charCodeAt(0).toString(16)}>`)
for (const text of readFileSync('texts', 'utf8').trim().split('\n')) {
  const plain = visible(new Encoder({ language: 'esc-pos' }).line(text).encode())
  const auto = visible(new Encoder({ language: 'esc-pos' }).codepage('auto').line(text).encode())
  console.log('  ', text, 'is sent as', plain, '| with codepage auto', auto)
}
JS

cat >encode.py <<'PY'
import re
from importlib.metadata import version

from escpos.printer import Dummy

print('PyPI python-escpos', version('python-escpos'))
for text in open('texts', encoding='utf-8').read().split('\n'):
    if text:
        printer = Dummy()
        printer.text(text)
        sent = re.sub(rb'\x1bt.', b'', printer.output, flags=re.S)
        print('  ', text, 'is sent as', ''.join(chr(one) if 31 < one < 127 else f'<{one:x}>' for one in sent))
PY

{ timeout 60 node encode.mjs; timeout 60 env PYTHONIOENCODING=utf-8 venv/bin/python encode.py; } >seen

cat >known <<'TXT'
npm @point-of-sale/receipt-printer-encoder 4.0.1
   ₦1,500.00 is sent as ?1,500.00 | with codepage auto ?1,500.00
   GH₵20.00 is sent as GH?20.00 | with codepage auto GH?20.00
   ₹500 is sent as ?500 | with codepage auto ?500
   €5 is sent as ?5 | with codepage auto <d5>5
   NGN 1,500.00 is sent as NGN 1,500.00 | with codepage auto NGN 1,500.00
PyPI python-escpos 3.1
   ₦1,500.00 is sent as ?1,500.00
   GH₵20.00 is sent as GH?20.00
   ₹500 is sent as ?500
   €5 is sent as <a4>5
   NGN 1,500.00 is sent as NGN 1,500.00
TXT

echo 'guess: an error, or the letters NGN and GHS'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
