#!/usr/bin/env bash
# @paystack/paystack-sdk 1.2.1 stands under Paystack's own scope in the npm registry, with a README
# that shows how to charge; a few thousand installations a month fetch it.
# One would guess that a package of the provider can be loaded after it was installed.
# The published archive holds no code: README, licence, package.json and four settings of a compiler.
# Its package.json names ./dist/index.js as the entry, there is no dist, and no install step makes one,
# so npm install succeeds, npm ls is content, and require throws MODULE_NOT_FOUND.
# Whoever adds it by `npm install` alone in an image learns of it when the first customer pays.
set -euo pipefail
export LC_ALL=C TZ=UTC
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

echo '{"private":true}' >package.json
timeout 300 npm install --silent --no-audit --no-fund @paystack/paystack-sdk@1.2.1 >log 2>&1 || { cat log >&2; exit 2; }

cat >load.cjs <<'JS'
const { readdirSync, readFileSync } = require('node:fs')
const folder = 'node_modules/@paystack/paystack-sdk'
const { version, main } = JSON.parse(readFileSync(`${folder}/package.json`))
console.log('npm @paystack/paystack-sdk', version, '| main', main)
console.log('   files:', readdirSync(folder).sort().join(' '))
try {
  require('@paystack/paystack-sdk')
  console.log('   loaded')
} catch (error) {
  console.log('   require throws', error.code)
}
JS
timeout 60 node load.cjs >seen

cat >known <<'TXT'
npm @paystack/paystack-sdk 1.2.1 | main ./dist/index.js
   files: .github .openapi-generator-ignore LICENSE README.md package.json tsconfig.cjs.json tsconfig.esm.json tsconfig.json tsconfig.types.json
   require throws MODULE_NOT_FOUND
TXT

echo 'guess: loaded'
cat seen
diff -u known seen || { echo 'the behaviour changed'; exit 1; }
