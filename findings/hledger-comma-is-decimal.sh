#!/usr/bin/env bash
# Plain-text accounting has several programs that read nearly the same journals.
# One would guess that NGN 1,000 is a thousand naira in each, the more so as the same file has NGN 2,500.50.
# hledger 1.25 (Debian 12) takes the one comma of 1,000 for a decimal mark: it is one naira, and the account
# that got 1,000 and 2,500.50 holds 2,501.500. The point in the next entry does not change its mind.
# PyPI beancount 3.2.3 says 3500.50. Both print no warning, and both journals balance,
# since each entry balances within itself.
# Alone, NGN 1,000 is printed back as NGN 1,000 by hledger, so one entry looks right.
# Whoever exports books for both writes amounts without separators of thousands, or declares the mark.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mkdir -p lists/partial cache/archives/partial
apt=(timeout 300 apt-get -q -o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User="$(id -un)")
"${apt[@]}" update >log 2>&1 || { cat log >&2; exit 2; }
"${apt[@]}" download hledger=1.25-2+b5 >log 2>&1 || { cat log >&2; exit 2; }
dpkg-deb -x hledger_*.deb hledger
python3 -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check beancount==3.2.3 >log 2>&1 || { cat log >&2; exit 2; }

cat >books.journal <<'TXT'
2026-01-02 first sale
    assets:cash    NGN 1,000
    income:sales

2026-01-03 second sale
    assets:cash    NGN 2,500.50
    income:sales
TXT
cat >books.beancount <<'TXT'
2026-01-01 open Assets:Cash
2026-01-01 open Income:Sales

2026-01-02 * "first sale"
  Assets:Cash    1,000 NGN
  Income:Sales

2026-01-03 * "second sale"
  Assets:Cash    2,500.50 NGN
  Income:Sales
TXT

cat >balance.py <<'PY'
from importlib.metadata import version

from beancount import loader
from beancount.core import data, realization

entries, errors, _ = loader.load_file('books.beancount')
balance = realization.get(realization.realize(entries), 'Assets:Cash').balance
print('PyPI beancount', version('beancount'), '| errors', len(errors))
print('   cash', balance.get_currency_units('NGN').number)
PY

{
  timeout 60 hledger/usr/bin/hledger --version | cut -d, -f1
  timeout 60 hledger/usr/bin/hledger -f books.journal balance -N assets:cash | tr -s ' '
  head -3 books.journal | timeout 60 hledger/usr/bin/hledger -f - balance -N assets:cash | tr -s ' '
  timeout 60 venv/bin/python balance.py
} >seen

cat >known <<'TXT'
hledger 1.25
 NGN 2,501.500 assets:cash
 NGN 1,000 assets:cash
PyPI beancount 3.2.3 | errors 0
   cash 3500.50
TXT

echo 'guess: NGN 3,500.50 in both'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
