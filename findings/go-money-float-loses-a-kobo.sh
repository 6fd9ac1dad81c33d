#!/usr/bin/env bash
# Rhymond/go-money 1.0.15 is the money library that Go programs use most.
# One would guess that NewFromFloat(19.99, "NGN") is 1999 kobo, as its name says:
# a number that is written with two decimals is the amount that was meant.
# It is 1998 kobo: the float is multiplied by 100 and its tail is cut off, not rounded.
# Of the 10,000 amounts from 0.00 to 99.99, 573 come out one kobo too small; none comes out too great.
# Its Round takes 1.50 to 1.00 and 2.50 to 2.00: halves go down, which is neither what banks do
# nor what shopspring/decimal 1.6.0 does (2 and 3, or 2 and 2 by the banker's rule).
# Whoever takes a price from JSON this way charges 19.98 and reconciles against 19.99.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >go.mod <<'MOD'
module findings
go 1.21
MOD
timeout 300 go get github.com/Rhymond/go-money@v1.0.15 github.com/shopspring/decimal@v1.6.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >main.go <<'GO'
package main

import (
	"fmt"
	"strconv"

	"github.com/Rhymond/go-money"
	"github.com/shopspring/decimal"
)

func main() {
	for _, amount := range []float64{19.99, 8.2, 4.35, 1.15, 0.29} {
		fmt.Println("NewFromFloat", amount, "gives", money.NewFromFloat(amount, money.NGN).Amount())
	}
	small, great := 0, 0
	for kobo := int64(0); kobo < 10000; kobo++ {
		amount, _ := strconv.ParseFloat(fmt.Sprintf("%d.%02d", kobo/100, kobo%100), 64)
		got := money.NewFromFloat(amount, money.NGN).Amount()
		if got < kobo {
			small++
		} else if got > kobo {
			great++
		}
	}
	fmt.Println("of 10000 amounts", small, "too small,", great, "too great")
	for _, kobo := range []int64{149, 150, 151, 250, 350, -150} {
		exact := decimal.New(kobo, -2)
		fmt.Println("Round", exact.StringFixed(2), "go-money", money.New(kobo, money.NGN).Round().Amount()/100,
			"shopspring", exact.Round(0), "or by the banker's rule", exact.RoundBank(0))
	}
}
GO

{
  timeout 120 go list -mod=mod -m github.com/Rhymond/go-money github.com/shopspring/decimal
  timeout 300 go run -mod=mod .
} >seen

cat >known <<'TXT'
github.com/Rhymond/go-money v1.0.15
github.com/shopspring/decimal v1.6.0
NewFromFloat 19.99 gives 1998
NewFromFloat 8.2 gives 819
NewFromFloat 4.35 gives 434
NewFromFloat 1.15 gives 114
NewFromFloat 0.29 gives 28
of 10000 amounts 573 too small, 0 too great
Round 1.49 go-money 1 shopspring 1 or by the banker's rule 1
Round 1.50 go-money 1 shopspring 2 or by the banker's rule 2
Round 1.51 go-money 2 shopspring 2 or by the banker's rule 2
Round 2.50 go-money 2 shopspring 3 or by the banker's rule 2
Round 3.50 go-money 3 shopspring 4 or by the banker's rule 4
Round -1.50 go-money -1 shopspring -2 or by the banker's rule -2
TXT

echo 'guess: 1999, 820, 435, 115, 29; none too small; 1.50 rounds to 2'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
