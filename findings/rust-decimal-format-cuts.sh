#!/usr/bin/env bash
# Rust's own numbers round when they are printed: format!("{:.2}", 1.999f64) is 2.00.
# One would guess that rust_decimal 1.43.0 does too, and prints 1.999 with two digits as 2.00.
# It cuts: {:.2} of 1.999 is 1.99, {:.0} of 3.9 is 3, and {:.2} of -0.009 is -0.00.
# round_dp(2) of the same value is 2.00; so what is shown and what is stored differ by a kobo.
# Python's decimal rounds when it formats, as printf does.
# Whoever prints a receipt by format! shows less than he charges, for about half of all computed amounts,
# and the lines of the invoice do not add up to its total.
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
rust_decimal = "=1.43.0"
TOML
cat >src/main.rs <<'RUST'
use rust_decimal::Decimal;
use std::str::FromStr;

fn main() {
    println!("crate rust_decimal 1.43.0");
    for (text, float) in [("1.999", 1.999f64), ("1.006", 1.006), ("2.678", 2.678), ("-0.009", -0.009)] {
        let exact = Decimal::from_str(text).unwrap();
        println!("   {text}: format {exact:.2}, round_dp {}, format of f64 {float:.2}", exact.round_dp(2));
    }
    let (exact, float) = (Decimal::from_str("3.9").unwrap(), 3.9f64);
    println!("   3.9: format {exact:.0}, round {}, format of f64 {float:.0}", exact.round());
}
RUST
timeout 500 cargo run -q >seen 2>log || { cat log >&2; exit 2; }
timeout 60 python3 -c "from decimal import Decimal; print('Python decimal format', f'{Decimal(\"1.999\"):.2f}')" >>seen

cat >known <<'TXT'
crate rust_decimal 1.43.0
   1.999: format 1.99, round_dp 2.00, format of f64 2.00
   1.006: format 1.00, round_dp 1.01, format of f64 1.01
   2.678: format 2.67, round_dp 2.68, format of f64 2.68
   -0.009: format -0.00, round_dp -0.01, format of f64 -0.01
   3.9: format 3, round 4, format of f64 4
Python decimal format 2.00
TXT

echo 'guess: 1.999 with two digits is 2.00'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
