#!/usr/bin/env bash
# A circuit breaker of cockatiel (npm, 4.0.0) opens after failures and lets one call through again after `halfOpenAfter`.
# One would guess that its `state` says half-open from then on, so that a router which asks `state` before it chooses
# among several providers sends one payment to the provider that may be well again.
# `state` stays open until somebody calls `execute`: who routes by `state` never makes that call, and a provider
# that was silent once is left out until the process ends. Its events tell of half-open only at that call, too.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true,"type":"module"}' >package.json
timeout 300 npm install --silent --no-audit --no-fund cockatiel@4.0.0 >log 2>&1 || { cat log >&2; exit 2; }

cat >breaker.js <<'JS'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { CircuitState, circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel'

console.log('cockatiel', JSON.parse(readFileSync('node_modules/cockatiel/package.json', 'utf8')).version)
const breaker = circuitBreaker(handleAll, { halfOpenAfter: 100, breaker: new ConsecutiveBreaker(2) })
const told = []
breaker.onStateChange((state) => told.push(CircuitState[state]))
const say = (when) => console.log(`${when}: state ${CircuitState[breaker.state]}, told ${told.join(' ') || 'nothing'}`)
say('at first')
for (const _ of [1, 2]) await breaker.execute(() => Promise.reject(new Error('silent'))).catch(() => {})
say('after two failures')
await setTimeout(1000)
say('ten times halfOpenAfter later')
await breaker.execute(() => 'paid')
say('after somebody called')
JS
timeout 60 node breaker.js >seen

cat >known <<'TXT'
cockatiel 4.0.0
at first: state Closed, told nothing
after two failures: state Open, told Open
ten times halfOpenAfter later: state Open, told Open
after somebody called: state Closed, told Open HalfOpen Closed
TXT

echo 'guess: ten times halfOpenAfter later the state is HalfOpen'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
