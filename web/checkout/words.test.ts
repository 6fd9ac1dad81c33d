import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { languages } from './language.ts'
import { fill } from './look.ts'
import { type Words, words } from './words.ts'

const keys = Object.keys(words.en) as (keyof Words)[]
const fillings = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()

describe('words', () => {
  for (const language of languages) {
    test(`${language} has every text, with the fillings of English`, () => {
      for (const key of keys) {
        assert.ok(words[language][key].trim(), key)
        assert.deepEqual(fillings(words[language][key]), fillings(words.en[key]), key)
      }
      assert.deepEqual(Object.keys(words[language]).sort(), [...keys].sort())
    })
  }

  test('no language repeats English, but for single words that are alike', () => {
    for (const language of languages.slice(1)) {
      const same = keys.filter((key) => words[language][key] === words.en[key])
      assert.deepEqual(
        same.filter((key) => words.en[key].includes(' ')),
        [],
        language,
      )
    }
  })

  test('texts are written with composed letters, which every font has', () => {
    for (const language of languages) {
      for (const key of keys) assert.equal(words[language][key], words[language][key].normalize('NFC'), key)
    }
  })

  test('a filling that holds a filling is not filled again; an unknown one stays', () => {
    assert.equal(fill('{a} and {b} and {c}', { a: '{b}', b: '$&' }), '{b} and $& and {c}')
    assert.equal(fill('{constructor}', {}), '{constructor}')
  })
})
