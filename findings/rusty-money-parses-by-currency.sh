#!/usr/bin/env bash
# Providers send amounts as decimal text, such as "1500.505" or "100.555", whatever the currency.
# One would guess that rusty-money 0.5.1 reads such text alike for each currency, or refuses it.
# It reads it by the habits of the currency's home: "100.555" is a hundred naira and a bit, but for euros it is
# one hundred thousand five hundred and fifty-five, since the point counts as a separator of thousands.
# "100.50" in euros is refused, so a test with whole cents shows an error and one with three digits none.
# Brazilian reais behave as the euro does, the Kenyan shilling as the naira does.
# Whoever reads a rate, a fee or a unit price of three digits by it asks for a thousand times the money.
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
TOML
cat >src/main.rs <<'RUST'
use rusty_money::{iso, Money};

fn main() {
    println!("crate rusty-money 0.5.1");
    for text in ["100.555", "1.500", "100.50", "100,50", "100"] {
        for currency in [iso::NGN, iso::KES, iso::EUR, iso::BRL] {
            let read = match Money::from_str(text, currency) {
                Ok(money) => money.amount().to_string(),
                Err(error) => format!("refused ({error:?})"),
            };
            println!("   {:?} {} is {}", text, currency.iso_alpha_code, read);
        }
    }
}
RUST
timeout 500 cargo run -q >seen 2>log || { cat log >&2; exit 2; }

cat >known <<'TXT'
crate rusty-money 0.5.1
   "100.555" NGN is 100.555
   "100.555" KES is 100.555
   "100.555" EUR is 100555.00
   "100.555" BRL is 100555.00
   "1.500" NGN is 1.500
   "1.500" KES is 1.500
   "1.500" EUR is 1500.00
   "1.500" BRL is 1500.00
   "100.50" NGN is 100.50
   "100.50" KES is 100.50
   "100.50" EUR is refused (InvalidAmount)
   "100.50" BRL is refused (InvalidAmount)
   "100,50" NGN is refused (InvalidAmount)
   "100,50" KES is refused (InvalidAmount)
   "100,50" EUR is 100.50
   "100,50" BRL is 100.50
   "100" NGN is 100.00
   "100" KES is 100.00
   "100" EUR is 100.00
   "100" BRL is 100.00
TXT

echo 'guess: "100.555" is 100.555 or refused, for every currency'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
