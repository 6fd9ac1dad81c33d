import { join } from 'node:path'
import { Eta } from 'eta'
import { plain } from './plain.ts'
import type { MailContent } from './schema.ts'

/** Who the mail comes from, as its reader sees it. */
export interface Sender {
  name: string
  /** Absolute address of a picture; anything else is not shown. */
  logo: string | null
  isTest: boolean
}

export interface RenderedMail {
  subject: string
  html: string
  text: string
}

const views = join(import.meta.dirname, 'templates')
/** In HTML everything that is shown is escaped; in plain text there is nothing to escape. */
const html = new Eta({ views, cache: true, autoEscape: true })
const text = new Eta({ views, cache: true, autoEscape: false })

/** Both parts of a mail; `templates/<template>.html.eta` and `.text.eta` hold the words. Pure. */
export function render(content: MailContent, from: Sender): RenderedMail {
  const mail = withPlainTexts(content)
  const sender = { ...from, name: plain(from.name) }
  const title = titleOf(mail, sender)
  const logo = sender.logo && /^https?:\/\//.test(sender.logo) ? sender.logo : null
  const shown = { title, mail: mail.data, sender: { ...sender, logo } }
  return {
    subject: sender.isTest ? `[Test] ${title}` : title,
    html: html.render(`./${mail.template}.html.eta`, shown),
    text: `${text
      .render(`./${mail.template}.text.eta`, shown)
      .replaceAll(/\n{3,}/g, '\n\n')
      .trim()}\n`,
  }
}

/** What a customer, a channel or whoever made a plan wrote; everything else in a mail is ours. */
const byOthers = new Set(['customerName', 'planName', 'paidWith', 'reason'])

function withPlainTexts(mail: MailContent): MailContent {
  const data = Object.entries(mail.data).map(([key, value]) => [
    key,
    byOthers.has(key) && typeof value === 'string' ? plain(value) : value,
  ])
  return { ...mail, data: Object.fromEntries(data) } as MailContent
}

function titleOf(mail: MailContent, sender: Sender): string {
  switch (mail.template) {
    case 'welcome':
      return `Welcome to ${mail.data.planName}`
    case 'receipt':
      return `Your receipt for ${mail.data.planName}`
    case 'renewal_coming':
      return `${mail.data.planName} renews on ${mail.data.renewsAt}`
    case 'payment_failed':
      return `Your payment for ${mail.data.planName} did not go through`
    case 'cancelled':
      return mail.data.why === 'asked' ? `${mail.data.planName} is cancelled` : `${mail.data.planName} has ended`
    case 'subscribed_already':
      return `You are subscribed to ${mail.data.planName} already`
    case 'portal_link':
      return `Your subscriptions at ${sender.name}`
  }
}
