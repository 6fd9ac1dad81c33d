#!/usr/bin/env bash
# ISO 4217 gives the ariary of Madagascar (MGA) and the ouguiya of Mauritania (MRU) two decimals.
# One would guess that two currency tables of one language, both named after the ISO list, agree on that.
# Of the two crates, rusty-money 0.5.1 gives them one digit and iso_currency 0.7.1 gives them two,
# so 150000 minor units are 15000.0 ariary by the one and 1500.00 ariary by the other.
# In Go, govalues/money 0.2.4 gives the Icelandic krona two digits, which lost them in 2007 (ISO: none),
# bojanz/currency 1.4.2 and go-money 1.0.15 give none; only some know XCG and ZWG, the codes of 2024 and 2025.
# Whoever exchanges minor units between two services is off by ten or by a hundred.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "findings"
version = "0.0.0"
edition = "2021"
[dependencies]
rusty-money = "=0.5.1"
iso_currency = "=0.7.1"
TOML
cat >src/main.rs <<'RUST'
use rusty_money::{iso, Money};

fn main() {
    println!("crates rusty-money 0.5.1, iso_currency 0.7.1");
    for code in ["NGN", "MGA", "MRU", "ISK", "XOF", "TND", "XCG", "ZWG"] {
        let first = iso::find(code);
        let second = iso_currency::Currency::from_code(code).and_then(|currency| currency.exponent());
        let shown = first.map(|currency| Money::from_minor(150000, currency).amount().to_string());
        println!(
            "   {code} digits {:?} and {:?}; 150000 minor units are {:?} by the first",
            first.map(|currency| currency.exponent), second, shown
        );
    }
}
RUST
timeout 500 cargo run -q >seen 2>log || { cat log >&2; exit 2; }

cat >go.mod <<'MOD'
module findings
go 1.21
MOD
timeout 300 go get github.com/Rhymond/go-money@v1.0.15 github.com/bojanz/currency@v1.4.2 \
  github.com/govalues/money@v0.2.4 >log 2>&1 || { cat log >&2; exit 2; }
cat >main.go <<'GO'
package main

import (
	"fmt"

	rhymond "github.com/Rhymond/go-money"
	"github.com/bojanz/currency"
	govalues "github.com/govalues/money"
)

func main() {
	for _, code := range []string{"NGN", "MGA", "MRU", "ISK", "XOF", "TND", "XCG", "ZWG"} {
		line := "   " + code + " digits"
		if found := rhymond.GetCurrency(code); found != nil {
			line += fmt.Sprint(" ", found.Fraction)
		} else {
			line += " unknown"
		}
		if digits, known := currency.GetDigits(code); known {
			line += fmt.Sprint(" ", digits)
		} else {
			line += " unknown"
		}
		if found, err := govalues.ParseCurr(code); err == nil {
			line += fmt.Sprint(" ", found.Scale())
		} else {
			line += " unknown"
		}
		fmt.Println(line)
	}
}
GO
{
  timeout 120 go list -mod=mod -m github.com/Rhymond/go-money github.com/bojanz/currency github.com/govalues/money
  timeout 300 go run -mod=mod .
} >>seen

cat >known <<'TXT'
crates rusty-money 0.5.1, iso_currency 0.7.1
   NGN digits Some(2) and Some(2); 150000 minor units are Some("1500.00") by the first
   MGA digits Some(1) and Some(2); 150000 minor units are Some("15000.0") by the first
   MRU digits Some(1) and Some(2); 150000 minor units are Some("15000.0") by the first
   ISK digits Some(0) and Some(0); 150000 minor units are Some("150000") by the first
   XOF digits Some(0) and Some(0); 150000 minor units are Some("150000") by the first
   TND digits Some(3) and Some(3); 150000 minor units are Some("150.000") by the first
   XCG digits Some(2) and Some(2); 150000 minor units are Some("1500.00") by the first
   ZWG digits Some(2) and Some(2); 150000 minor units are Some("1500.00") by the first
github.com/Rhymond/go-money v1.0.15
github.com/bojanz/currency v1.4.2
github.com/govalues/money v0.2.4
   NGN digits 2 2 2
   MGA digits 2 2 2
   MRU digits 2 2 2
   ISK digits 0 0 2
   XOF digits 0 0 0
   TND digits 3 3 3
   XCG digits 2 2 unknown
   ZWG digits unknown 2 unknown
TXT

echo 'guess: every table says NGN 2, MGA 2, MRU 2, ISK 0, XOF 0, TND 3, XCG 2, ZWG 2'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
