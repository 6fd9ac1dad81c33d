import { join } from 'node:path'
import { Eta } from 'eta'
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
export function render(mail: MailContent, sender: Sender): RenderedMail {
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
