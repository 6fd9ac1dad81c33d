import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { languageOf } from './language.ts'

describe('language', () => {
  const rows: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['fr', 'fr'],
    ['fr-CI,fr;q=0.9,en;q=0.8', 'fr'],
    ['de-DE,de;q=0.9,pt;q=0.2', 'pt'],
    ['en;q=0.4, yo;q=0.9, ig;q=0.5', 'yo'],
    ['YO-ng', 'yo'],
    ['ha;q=0, ig;q=0.1', 'ig'],
    ['ha;q=0', 'en'],
    ['sw-KE ; q=0.7 , en ; q=0.3', 'sw'],
    ['zh, *;q=0.5, fr;q=0.4', 'en'],
    ['fr;q=1.5, sw;q=0.1', 'sw'],
    ['fr;q=nonsense, sw;q=0.1', 'sw'],
    [';;;,,,q=1', 'en'],
    [`${'de,'.repeat(10_000)}fr`, 'en'],
  ]
  for (const [header, wanted] of rows) {
    test(`${String(header).slice(0, 40)} is read as ${wanted}`, () => assert.equal(languageOf(header), wanted))
  }
})
