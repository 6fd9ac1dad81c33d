import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as iso4217 from 'dinero.js/currencies'
import { exponentOf, formatFullAmount } from '../../src/platform/money.ts'
import { languages } from '../../web/checkout/language.ts'
import { formatMoney } from '../../web/checkout/money.ts'
import { portalOf, textOf } from '../support/portal.ts'
import { stopOwnPostgres } from '../support/postgres.ts'
import {
  attemptRef,
  type Body,
  payAtSandbox,
  startTestServer,
  type TestBusiness,
  type TestServer,
  threeChannels,
} from '../support/server.ts'
import { startSmtp } from '../support/smtp.ts'
import { createPlan, subscribe } from '../support/subscriptions.ts'
import { until } from '../support/wait.ts'

after(stopOwnPostgres)

test('every currency is shown with its ISO 4217 digits, in every language', () => {
  for (const { code } of Object.values(iso4217)) {
    const exponent = exponentOf(code) ?? 0
    for (const language of languages) {
      const shown = formatMoney(formatFullAmount(10n ** BigInt(exponent) * 7n, code), code, language)
      assert.equal(shown.replace(/\D/g, ''), `7${'0'.repeat(exponent)}`, `${code} in ${language}: ${shown}`)
    }
  }
})

describe('small coins that a locale does not know', () => {
  let server: TestServer
  let business: TestBusiness
  let smtp: Awaited<ReturnType<typeof startSmtp>>
  before(async () => {
    smtp = await startSmtp()
    server = await startTestServer({ backend: 'postgres', env: { SMTP_URL: smtp.url } })
    business = await threeChannels(server)
  })
  after(async () => {
    await server.close()
    await smtp.close()
  })

  const look = async (address: string): Promise<string> => {
    const { pathname, search } = new URL(address, server.url)
    return textOf((await server.call('GET', pathname + search)).text)
  }

  for (const [currency, amount, shown] of [
    ['HUF', '1234.5', 'Ft 1,234.50'],
    ['COP', '5000.5', '$5,000.50'],
    ['HUF', '1234', 'Ft 1,234.00'],
  ] as const) {
    test(`${amount} ${currency} is ${shown} on checkout, share page, return page and receipt`, async () => {
      const opened = await server.call(
        'POST',
        '/v1/sdk/initialize-payment-request',
        { customer_email: 'ada@example.com', amount, currency },
        { authentication: `Bearer ${business.keys.test.public_key}` },
      )
      const { ref, checkout_url }: Body = opened.body.data.payment_request
      assert.ok((await look(checkout_url)).includes(shown), await look(checkout_url))
      assert.ok((await look(`/pay/${ref}`)).includes(shown))
      assert.ok((await look(`${checkout_url}/returned`)).includes(shown))

      const direct = await business.api('POST', '/v1/payment-requests', {
        ...{ customer_email: 'ada@example.com', amount, currency, payment_channel: 'stripe' },
      })
      const { uuid } = direct.body.data.payment_request.last_transaction
      const plain = shown.replace(/^\D+/, `${currency} `).replace(',', '')
      assert.ok((await look(`/return/${uuid}`)).includes(plain), await look(`/return/${uuid}`))
      await payAtSandbox(server.url, attemptRef(direct), 'success', 'stripe')
      const paid = () => business.api('PATCH', `/v1/payment-requests/${direct.body.data.payment_request.ref}/verify`)
      await until('the payment', async () => (await paid()).body.data.payment_request.status === 'successful')
      assert.ok((await look(`/return/${uuid}`)).includes(plain), await look(`/return/${uuid}`))
      const answer = await paid()
      assert.equal(answer.body.data.payment_request.amount, amount, 'the wire has no superfluous zeros')
    })
  }

  test('plan page, portal and mails show them too', async () => {
    const plan = await createPlan(business, { currency: 'HUF', amount: '1234.5', initial_amount: '2000.5' })
    const page = await look(`/subscribe/${plan.link_id}`)
    assert.ok(page.includes('Ft 1,234.50'), page)
    assert.ok(page.includes('First payment Ft 2,000.50'), page)
    const { customer } = await subscribe(server, business, plan, { channel: 'stripe' })
    const portal = await look(await portalOf(business, customer))
    assert.ok(portal.includes('Ft 1,234.50, every 30 days'), portal)
    await until('the mails', () => smtp.received.length >= 2)
    const told = smtp.received.map((mail) => mail.text).join('\n')
    assert.match(told, /HUF 1,234\.50 every 30 days/)
    assert.match(told, /HUF 2,000\.50/)
  })

  test('a plan that counts in days never says month, week or year; one that counts by the calendar does', async () => {
    const rows: [fields: Record<string, unknown>, words: string, french: string][] = [
      [{ interval: 'daily' }, 'every day', 'chaque jour'],
      [{ interval: 'weekly' }, 'every 7 days', 'tous les 7 jours'],
      [{ interval: 'monthly' }, 'every 30 days', 'tous les 30 jours'],
      [{ interval: 'monthly', interval_count: 2 }, 'every 60 days', 'tous les 60 jours'],
      [{ interval: 'quarterly' }, 'every 90 days', 'tous les 90 jours'],
      [{ interval: 'annually' }, 'every 365 days', 'tous les 365 jours'],
      [{ interval: 'weekly', billing_calendar: 'calendar' }, 'every week', 'chaque semaine'],
      [{ interval: 'monthly', billing_calendar: 'calendar' }, 'every month', 'chaque mois'],
      [{ interval: 'quarterly', billing_calendar: 'calendar' }, 'every 3 months', 'tous les 3 mois'],
      [{ interval: 'annually', billing_calendar: 'calendar' }, 'every year', 'chaque année'],
    ]
    for (const [fields, words, french] of rows) {
      const plan = await createPlan(business, fields)
      const path = `/subscribe/${plan.link_id}`
      assert.ok((await look(path)).includes(`₦5,000.00, ${words}`), JSON.stringify(fields))
      const page = await server.call('GET', path, undefined, { 'accept-language': 'fr' })
      assert.ok(textOf(page.text).includes(french), JSON.stringify(fields))
      const buying = { customer_email: 'p@example.com', subscription_plan_uuid: plan.uuid }
      const opened = await business.api('POST', '/v1/payment-requests', buying)
      const { ref } = opened.body.data.payment_request
      assert.ok((await look(`/pay/${ref}`)).includes(`₦5,000.00, ${words}`), JSON.stringify(fields))
    }
    const sent = smtp.received.length
    const plan = await createPlan(business, { interval: 'monthly', billing_calendar: 'calendar' })
    await subscribe(server, business, plan)
    await until('the mails', () => smtp.received.length >= sent + 2)
    const told = smtp.received.slice(sent).map((mail) => mail.text)
    assert.match(told.join('\n'), /NGN 5,000 every month/)
  })
})
