import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { languages } from '../checkout/language.ts'
import { type PortalWords, portalWords } from './words.ts'

const keys = Object.keys(portalWords.en) as (keyof PortalWords)[]
const fillings = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()

describe('words of the portal', () => {
  for (const language of languages) {
    test(`${language} has every text, with the fillings of English, in composed letters`, () => {
      const own = portalWords[language]
      assert.deepEqual(Object.keys(own).sort(), [...keys].sort())
      for (const key of keys) {
        assert.ok(own[key].trim(), key)
        assert.deepEqual(fillings(own[key]), fillings(portalWords.en[key]), key)
        assert.equal(own[key], own[key].normalize('NFC'), key)
      }
    })
  }

  test('no language repeats English', () => {
    for (const language of languages.slice(1)) {
      const same = keys.filter((key) => portalWords[language][key] === portalWords.en[key])
      assert.deepEqual(same, [], language)
    }
  })
})
