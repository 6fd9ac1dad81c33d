import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { emailErrorOf, emailKeyOf, toAsciiEmail } from './emails.ts'
import { isBlank } from './texts.ts'

describe('e-mail addresses', () => {
  test('what is an address', () => {
    const right = [
      ...["o'brien@example.com", 'a+b@example.com', 'a/b=c@example.com', '1@123.com', 'a@example.museum'],
      ...[
        'a@müller.de',
        'a@xn--mller-kva.de',
        'a@пример.рф',
        'a@例え.jp',
        'A.B@EXAMPLE.COM',
        `${'x'.repeat(64)}@example.com`,
      ],
    ]
    for (const address of right) assert.equal(emailErrorOf(address), null, address)
  })

  test('what is none, and why', () => {
    const invisible = [
      '\u200b',
      '\u200d',
      '\u2060',
      '\ufeff',
      '\u00ad',
      '\u3164',
      '\u00a0',
      '\u2800',
      '\u202e',
      ' ',
      '\t',
    ]
    for (const sign of invisible) {
      for (const address of [`a${sign}b@example.com`, `a@exa${sign}mple.com`, `${sign}a@example.com`]) {
        assert.match(emailErrorOf(address) ?? '', /invisible/, JSON.stringify(address))
      }
    }
    for (const address of ['jörg@example.com', 'Ада@example.com', 'ü@müller.de'])
      assert.match(emailErrorOf(address) ?? '', /ASCII before the @/, address)
    const wrong = [
      ...['a@example..com', 'a@-example.com', 'a@example-.com', 'a..b@example.com', '.a@example.com', 'a.@example.com'],
      ...[
        'a@localhost',
        'a@1.2.3.4',
        'a@[1.2.3.4]',
        'a@exa_mple.com',
        'a@example.com.',
        '"a"@example.com',
        'a@b@example.com',
      ],
      ...[
        '',
        '@',
        'a@',
        '@example.com',
        'a@xn--zzzzzzz--.com',
        '<a@example.com>',
        `a@${'x'.repeat(64)}.com`,
        'a,b@example.com',
      ],
    ]
    for (const address of wrong) assert.equal(emailErrorOf(address), 'must be an e-mail address', address)
  })

  test('one mailbox has one key', () => {
    const same = [
      'Kunde@Müller.de',
      ' kunde@müller.de ',
      'KUNDE@xn--mller-kva.DE',
      'kunde@mu\u0308ller.de',
      'kunde@ＭÜLLER。de',
    ]
    for (const address of same) assert.equal(emailKeyOf(address), 'kunde@xn--mller-kva.de', address)
    assert.equal(emailKeyOf('No Address'), 'no address')
    assert.equal(toAsciiEmail('Kunde@Müller.de'), 'Kunde@xn--mller-kva.de')
  })
})

test('a text is blank when nothing of it can be seen', () => {
  for (const text of [
    '',
    '   ',
    '\t\n',
    '\u200b',
    '\u00a0\u2003',
    '\u3164',
    '\ufe0f',
    '\u2800',
    '\u0001',
    '\u0301',
    '\u{e0020}',
  ])
    assert.ok(isBlank(text), JSON.stringify(text))
  for (const text of ['a', ' a ', '.', '0', 'ẹ', '👩‍👩‍👧', 'مرحبا', '\u200bx']) assert.ok(!isBlank(text), text)
})
