import { documentOf, escapeHtml, type Themes } from './document.ts'

export { sendPage, shellOf } from './document.ts'

/** What a test card is for; the page shows them in this order. */
export type CardGroup = 'pays' | 'declined' | 'special'

/** What a provider's hosted page shows; the providers differ in the words and the colour, not in the look. */
export interface CheckoutPage {
  provider: string
  homePath: string
  themes: Themes
  merchant: string
  /** What is paid for, where the merchant said so. */
  description: string | null
  /** As the payer reads it, e.g. `NGN 1,500.00`. */
  amount: string
  reference: string
  email: string
  state: 'open' | 'paid' | 'cancelled' | 'processing'
  /** Why the last try was refused; null: none was. */
  refusal: string | null
  cards: readonly { number: string; title: string; group: CardGroup }[]
  selectedCard: string | null
  /** Where a finished page leads; null: nowhere. */
  returnUrl: string | null
}

export function checkoutPage(page: CheckoutPage): string {
  const { provider, homePath, themes, state } = page
  const isOpen = state === 'open'
  const what = `${page.amount} to ${page.merchant}`
  const title = isOpen ? `${page.refusal === null ? 'Pay' : 'Refused:'} ${what}` : `${endings[state].heading}: ${what}`
  return documentOf({
    title: `${title} · ${provider} sandbox`,
    ...{ provider, homePath, themes, isWide: isOpen },
    main: `<main class="inner${isOpen ? ' two' : ''}">
${isOpen ? `<div>${summary(page)}</div><div>${openForm(page)}</div>` : finished(page)}
</main>`,
    footer: `${standIn(provider)} ${homeLink(homePath)}`,
  })
}

/** A page without a payment: an unknown, forgotten or ended link. */
export function messagePage(
  page: Pick<CheckoutPage, 'provider' | 'homePath' | 'themes'> & { title: string; words: string },
): string {
  const { provider, homePath, themes, title, words } = page
  return documentOf({
    title: `${title} · ${provider} sandbox`,
    ...{ provider, homePath, themes, isWide: false },
    main: `<main class="inner">${mark('wait', '<path d="M12 7v6M12 17v.01"/>')}<h1>${escapeHtml(title)}</h1>
<p class="soft">${escapeHtml(words)}</p></main>`,
    footer: `${standIn(provider)} ${homeLink(homePath)}`,
  })
}

/** `NGN 1,500.00`, from minor units and the currency's number of decimals. */
export function formatAmount(minor: number, decimals: number, currency: string): string {
  const digits = String(minor).padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals).replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return `${currency} ${whole}${decimals > 0 ? `.${digits.slice(-decimals)}` : ''}`
}

function summary({ merchant, description, amount, email, reference }: CheckoutPage): string {
  const line = (term: string, words: string | null) => (words ? `<dt>${term}</dt><dd>${escapeHtml(words)}</dd>` : '')
  return `<p class="soft">${escapeHtml(merchant)}</p>
<h1 class="amount">${escapeHtml(amount)}</h1>
<dl>${line('For', description)}${line('E-mail', email)}${line('Reference', reference)}</dl>`
}

function openForm(page: CheckoutPage): string {
  const refusal =
    page.refusal === null ? '' : `<p class="note bad" role="alert">${escapeHtml(page.refusal)}. You can try again.</p>`
  return `${refusal}<form method="post">
<fieldset><legend>Choose a test card</legend><div class="choice">${cardChoice(page)}</div></fieldset>
<button class="primary" name="action" value="pay">Pay ${escapeHtml(page.amount)}</button>
<div class="row"><button name="action" value="decline" aria-describedby="hint">Decline</button><button name="action" value="cancel" aria-describedby="hint">Cancel</button></div>
<p class="soft hint" id="hint">Decline: the bank refuses the card. Cancel: back to the merchant, and nothing is paid.</p>
</form>`
}

const groupNames: Readonly<Record<CardGroup, string>> = {
  pays: 'More cards that pay',
  declined: 'Cards that are declined',
  special: 'Cards with a twist',
}

/** The card that always pays stands alone; the others fold away behind what they are for. */
function cardChoice({ cards, selectedCard }: CheckoutPage): string {
  const chosen = cards.find(({ number }) => number === selectedCard) ?? cards[0]
  const item = (card: CheckoutPage['cards'][number]) =>
    `<label class="card"><input type="radio" name="card" value="${
      card.number
    }"${card === chosen ? ' checked' : ''}><span><b>${escapeHtml(card.title)}</b><span>${spaced(card.number)}</span></span></label>`
  const groups = (Object.keys(groupNames) as CardGroup[]).map((group) => {
    const members = cards.slice(1).filter((card) => card.group === group)
    if (members.length === 0) return ''
    const open = members.some((card) => card === chosen) ? ' open' : ''
    return `<details${open}><summary>${groupNames[group]} <small>${members.length}</small></summary>${members.map(item).join('')}</details>`
  })
  return cards.slice(0, 1).map(item).join('') + groups.join('')
}

/** As it is printed on a card. */
const spaced = (number: string) => number.replaceAll(/(\d{4})(?=\d)/g, '$1 ')

type Ended = Exclude<CheckoutPage['state'], 'open'>
const endings: Readonly<Record<Ended, { heading: string; words: string; tone: string; drawing: string }>> = {
  paid: {
    heading: 'Paid',
    words: 'This payment is done. Thank you.',
    tone: 'good',
    drawing: '<path d="M5 13l5 5 9-11"/>',
  },
  cancelled: {
    heading: 'Cancelled',
    words: 'Cancelled. Nothing was paid.',
    tone: 'bad',
    drawing: '<path d="M7 7l10 10M17 7L7 17"/>',
  },
  processing: {
    heading: 'Processing',
    words: 'The payment is being processed.',
    tone: 'wait',
    drawing: '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 2"/>',
  },
}

function finished(page: CheckoutPage): string {
  const { words, tone, drawing } = endings[page.state as Ended]
  const back =
    page.returnUrl === null
      ? ''
      : `<a class="button primary" href="${escapeHtml(page.returnUrl)}">Back to the merchant</a>`
  // An empty address is this page again, asked for anew.
  const again = page.state === 'processing' ? '<p class="row"><a class="button" href="">Look again</a></p>' : ''
  return `${mark(tone, drawing)}${summary(page)}<p class="note ${tone} after" role="status">${words}</p>${again}${back}`
}

const mark = (tone: string, drawing: string) =>
  `<p class="mark ${tone}"><svg viewBox="0 0 24 24" aria-hidden="true">${drawing}</svg></p>`

const standIn = (provider: string) =>
  `This page stands in for ${escapeHtml(provider)}’s. No money moves, and no real card belongs here.`

const homeLink = (homePath: string) => `<a href="${escapeHtml(homePath)}">About the sandbox</a>`
