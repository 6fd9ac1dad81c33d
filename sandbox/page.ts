/** What a provider's hosted page shows; the providers differ in the words, not in the look. */
export interface CheckoutPage {
  provider: string
  merchant: string
  /** As the payer reads it, e.g. `NGN 1,500.00`. */
  amount: string
  reference: string
  email: string
  state: 'open' | 'paid' | 'cancelled' | 'processing'
  /** Why the last try was refused; null: none was. */
  refusal: string | null
  cards: readonly { number: string; title: string }[]
  selectedCard: string | null
  /** Where a finished page leads; null: nowhere. */
  returnUrl: string | null
}

/** No `form-action`: paying answers with a redirect to the merchant, wherever that is. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

const STYLE = `
:root{color-scheme:light dark;--bg:#f2f4f8;--card:#fff;--ink:#16202e;--soft:#556275;--line:#d5dbe5;--accent:#0a5f4d;--on:#fff;--bad:#a3161f;--badbg:#fdecec;--good:#0a5f4d;--goodbg:#e4f5ef;--test:#7a4a00;--testbg:#ffedc9;--ring:#2563eb}
@media (prefers-color-scheme:dark){:root{--bg:#0e131a;--card:#18202b;--ink:#eef2f8;--soft:#a9b5c6;--line:#344154;--accent:#5fd6b4;--on:#06231b;--bad:#ffb3b3;--badbg:#3d1a1d;--good:#7fe3c5;--goodbg:#12342b;--test:#ffd98a;--testbg:#3b2c0a;--ring:#8ab4ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:440px;background:var(--card);border:1px solid var(--line);border-radius:18px;overflow:hidden;box-shadow:0 12px 40px rgb(10 20 40/.12)}
.test{margin:0;padding:10px 24px;background:var(--testbg);color:var(--test);font-size:14px;font-weight:600}
.inner{padding:24px}
.merchant{margin:0;color:var(--soft);overflow-wrap:anywhere}
h1{margin:2px 0 18px;font-size:34px;line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:auto 1fr;gap:4px 16px;margin:0 0 20px;padding:14px 0;border-block:1px solid var(--line);font-size:14px}
dt{color:var(--soft)}dd{margin:0;text-align:right;overflow-wrap:anywhere}
.note{margin:0 0 18px;padding:12px 14px;border-radius:10px;font-size:15px}
.bad{background:var(--badbg);color:var(--bad)}.good{background:var(--goodbg);color:var(--good)}
label{display:block;margin-bottom:6px;font-weight:600;font-size:14px}
select,button,.button{width:100%;min-height:48px;font:inherit;border-radius:10px}
select{padding:0 12px;margin-bottom:18px;background:var(--card);color:var(--ink);border:1px solid var(--soft)}
button,.button{display:grid;place-items:center;padding:0 16px;font-weight:600;cursor:pointer;text-decoration:none;border:1px solid var(--line);background:transparent;color:var(--ink)}
.primary{border-color:var(--accent);background:var(--accent);color:var(--on)}
.row{display:grid;grid-template-columns:1fr 1fr;gap:10px;margin-top:10px}
button:hover,.button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--ring);outline-offset:2px}
`

export function checkoutPage(page: CheckoutPage): string {
  const title = `Pay ${page.amount} to ${page.merchant}`
  return document(
    title,
    `<p class="test" role="note">TEST MODE · ${escapeHtml(page.provider)} sandbox · no money moves</p>
<div class="inner">
<p class="merchant">${escapeHtml(page.merchant)}</p>
<h1>${escapeHtml(page.amount)}</h1>
<dl><dt>E-mail</dt><dd>${escapeHtml(page.email)}</dd><dt>Reference</dt><dd>${escapeHtml(page.reference)}</dd></dl>
${page.state === 'open' ? openForm(page) : finished(page)}
</div>`,
  )
}

/** A page without a payment: an unknown or forgotten link. */
export function messagePage(provider: string, title: string, words: string): string {
  return document(
    title,
    `<p class="test" role="note">TEST MODE · ${escapeHtml(provider)} sandbox · no money moves</p>
<div class="inner"><h1>${escapeHtml(title)}</h1><p class="merchant">${escapeHtml(words)}</p></div>`,
  )
}

/** `NGN 1,500.00`, from minor units and the currency's number of decimals. */
export function formatAmount(minor: number, decimals: number, currency: string): string {
  const digits = String(minor).padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals).replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return `${currency} ${whole}${decimals > 0 ? `.${digits.slice(-decimals)}` : ''}`
}

function openForm(page: CheckoutPage): string {
  const options = page.cards.map(({ number, title }) => {
    const selected = number === page.selectedCard ? ' selected' : ''
    return `<option value="${number}"${selected}>${escapeHtml(`${number.slice(-4)} · ${title}`)}</option>`
  })
  const refusal =
    page.refusal === null ? '' : `<p class="note bad" role="alert">${escapeHtml(page.refusal)}. You can try again.</p>`
  return `${refusal}<form method="post">
<label for="card">Test card</label>
<select id="card" name="card">${options.join('')}</select>
<button class="primary" name="action" value="pay">Pay ${escapeHtml(page.amount)}</button>
<div class="row"><button name="action" value="decline">Decline</button><button name="action" value="cancel">Cancel</button></div>
</form>`
}

function finished(page: CheckoutPage): string {
  const words = {
    paid: 'This payment is done. Thank you.',
    cancelled: 'Cancelled. Nothing was paid.',
    processing: 'The payment is being processed.',
  }[page.state as Exclude<CheckoutPage['state'], 'open'>]
  const tone = page.state === 'paid' ? 'good' : 'bad'
  const back =
    page.returnUrl === null
      ? ''
      : `<a class="button primary" href="${escapeHtml(page.returnUrl)}">Back to the merchant</a>`
  return `<p class="note ${page.state === 'processing' ? 'good' : tone}" role="status">${words}</p>${back}`
}

/** The whole page; `style` is added to the look that all pages have. */
export function document(title: string, body: string, style = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body><main>${body}</main></body>
</html>
`
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
