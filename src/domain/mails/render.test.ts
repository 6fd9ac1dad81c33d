import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { render } from './render.ts'
import type { MailContent } from './schema.ts'

const link = 'https://pay.example/manage?token=a1&from=mail'
/** Every template, with everything that it can show. */
const full: MailContent[] = [
  {
    template: 'welcome',
    data: {
      ...{ customerName: 'Ada', planName: 'Pro', price: 'NGN 5,000 every 30 days' },
      ...{ trialEndsAt: '3 May 2026', nextChargeAt: '4 May 2026', manageUrl: link },
    },
  },
  {
    template: 'receipt',
    data: {
      ...{ customerName: 'Ada', planName: 'Pro', amount: 'NGN 5,000', paidAt: '3 May 2026', reference: 'AsP-1' },
      ...{ paidWith: 'Visa ending in 4081', period: '3 May to 2 June 2026', nextChargeAt: '2 June 2026' },
      receiptUrl: link,
    },
  },
  {
    template: 'renewal_coming',
    data: {
      ...{ customerName: 'Ada', planName: 'Pro', amount: 'NGN 5,000', renewsAt: '3 May 2026' },
      ...{ paidWith: 'Visa ending in 4081', manageUrl: link },
    },
  },
  {
    template: 'payment_failed',
    data: {
      ...{ customerName: 'Ada', planName: 'Pro', amount: 'NGN 5,000', reason: 'Insufficient funds' },
      ...{ retryAt: '4 May 2026', endsAt: '19 May 2026', payUrl: link },
    },
  },
  {
    template: 'cancelled',
    data: { customerName: 'Ada', planName: 'Pro', why: 'asked', endsAt: '2 June 2026', resubscribeUrl: link },
  },
  {
    template: 'cancelled',
    data: { customerName: 'Ada', planName: 'Pro', why: 'unpaid', endsAt: '2 June 2026', resubscribeUrl: link },
  },
  {
    template: 'subscribed_already',
    data: { customerName: 'Ada', planName: 'Pro', portalUrl: link, validFor: '30 minutes' },
  },
  { template: 'portal_link', data: { customerName: 'Ada', portalUrl: link, validFor: '30 minutes' } },
]

const sender = { name: 'Shop', logo: 'https://shop.example/logo.png', isTest: false }
const changed = (content: MailContent, change: (value: string, key: string) => string | null): MailContent => {
  const data = Object.entries(content.data).map(([key, value]) => [key, change(String(value), key)])
  return { ...content, data: Object.fromEntries(data) }
}
/** What a customer, a channel or whoever made a plan wrote. */
const byOthers = /^(customerName|planName|paidWith|reason)$/
const unescaped = (html: string) =>
  html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

describe('mails are rendered', () => {
  test('every template has both parts, and every template file is tried here', () => {
    const files = readdirSync(join(import.meta.dirname, 'templates'))
    const parts = /^(layout|greeting|paragraph|note|facts|button)\./
    const wanted = full.flatMap(({ template }) => [`${template}.html.eta`, `${template}.text.eta`])
    assert.deepEqual(files.filter((file) => !parts.test(file)).sort(), [...new Set(wanted)].sort())
  })

  test('both parts show everything that they are given, the logo, and where it comes from', () => {
    for (const content of full) {
      const { subject, html, text } = render(content, sender)
      for (const [key, value] of Object.entries(content.data)) {
        if (key === 'why' || value === null) continue
        assert.ok(unescaped(html).includes(value), `${content.template} html: ${key}`)
        assert.ok(text.includes(value), `${content.template} text: ${key}`)
      }
      assert.ok(html.includes(`href="${link.replaceAll('&', '&amp;')}"`), content.template)
      assert.ok(html.includes('<img src="https://shop.example/logo.png" alt="Shop"'))
      assert.ok(text.includes('Shop'))
      assert.ok(!/undefined|null|\[object/.test(subject + html + text), content.template)
      assert.ok(!/TEST MODE|\[Test\]/.test(subject + html + text), content.template)
    }
  })

  test('a part that is null leaves no label, no empty button and no trace', () => {
    const optional =
      /^(customerName|trialEndsAt|nextChargeAt|manageUrl|paidWith|period|receiptUrl|reason|retryAt|endsAt|resubscribeUrl)$/
    for (const content of full) {
      const bare = changed(content, (value, key) => (optional.test(key) ? null : value))
      const { html, text } = render(bare, { ...sender, logo: null })
      assert.ok(!/undefined|null|<img|href=""/.test(html), content.template)
      assert.ok(!/undefined|null|: *\n/.test(text.replaceAll('cancel:\n', '')), text)
      for (const label of ['Trial ends', 'Next payment', 'Reason', 'We try again', 'Yours until', 'Paid with']) {
        assert.ok(!html.includes(label) && !text.includes(label), `${content.template}: ${label}`)
      }
      assert.match(text, /^Hello,$/m)
    }
  })

  test('a trial is welcomed as a trial, and an end says why', () => {
    const words = full.map((content) => render(content, sender).text)
    assert.match(words[0] ?? '', /Your trial of Pro has begun/)
    const paid = changed(full[0]!, (value, key) => (key === 'trialEndsAt' ? null : value))
    assert.match(render(paid, sender).text, /Your subscription to Pro has begun/)
    assert.match(words[4] ?? '', /is cancelled/)
    assert.match(words[5] ?? '', /could not be renewed and has ended/)
  })

  test('the test mode is marked in subject and in both parts', () => {
    for (const content of full) {
      const { subject, html, text } = render(content, { ...sender, isTest: true })
      assert.match(subject, /^\[Test\] ./)
      assert.ok(html.includes('TEST MODE') && text.startsWith('TEST MODE'), content.template)
    }
  })

  test('whatever a business, a plan or a customer is called, it is text in the HTML', () => {
    const evil = `"><script>alert('x')</script><img src=x onerror=alert(1)>`
    for (const content of full) {
      const spoilt = changed(content, (value, key) => (key === 'why' ? value : evil))
      const { html, text } = render(spoilt, { name: evil, logo: `https://x.example/"onerror="alert(1)`, isTest: true })
      assert.ok(!/<script|<img src=x|" ?onerror=/.test(html), content.template)
      assert.ok(unescaped(html).includes(evil) && text.includes(evil), content.template)
    }
  })

  test('a logo that is no address is not shown', () => {
    for (const logo of ['javascript:alert(1)', 'data:text/html,x', 'logo.png', '']) {
      assert.ok(!render(full[0]!, { ...sender, logo }).html.includes('<img'), logo)
    }
  })

  test('what others wrote puts neither a link nor a line into a mail', () => {
    const links = [
      ...['evil.example', 'www.evil.example/pay?x=1', 'https://evil.example', 'hxxp://evil', 'pay@evil.example'],
      ...[
        'evil。example',
        'evil．example',
        'evil.\u200bexample',
        'evil.xn--p1ai',
        '10.1.2.3',
        'tel:+234800',
        'mailto:a@b',
      ],
    ]
    for (const written of links) {
      for (const content of full) {
        const spoilt = changed(content, (value, key) => (byOthers.test(key) ? written : value))
        const { subject, html, text } = render(spoilt, { ...sender, name: written })
        const shown = [subject, unescaped(html.replaceAll(/<[^>]+>/g, ' ')), text].join('\n').replaceAll(link, '')
        assert.doesNotMatch(
          shown.replaceAll('\u200b', ''),
          /\p{L}[.。．]\p{L}|:\/\/|\w@\w|\d\.\d+\.\d|(tel|mailto):\S/u,
          written,
        )
      }
    }
    for (const written of [
      'Ada\n\nZzz here',
      'Ada\r\nBcc: x',
      'Ada\u2028Zzz',
      'Ada\u0085Zzz',
      'Ada\u202eZzz',
      'A'.repeat(999),
    ]) {
      for (const content of full) {
        const spoilt = changed(content, (value, key) => (byOthers.test(key) ? written : value))
        const { subject, text } = render(spoilt, { ...sender, name: written })
        assert.doesNotMatch(subject, /[\p{Cc}\u2028\u202e]|A{200}/u)
        assert.doesNotMatch(text, /^(Zzz|Bcc)|[\r\u0085\u2028\u202e]|A{200}/mu, JSON.stringify(written))
      }
    }
  })

  test('ordinary names stay as they were written', () => {
    for (const name of ["Chidinma O'Neil-Eze", 'Dr. Ada', 'Plan 2.0', 'Acme Ltd.', 'Größe & Söhne', 'علی‌رضا']) {
      const named = changed(full[0]!, (value, key) => (byOthers.test(key) ? name : value))
      assert.ok(render(named, { ...sender, name }).text.includes(name), name)
    }
  })
})
