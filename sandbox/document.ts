import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { Core } from './provider.ts'

/** The shell and the look of every page that the sandbox shows. No script: they work where none runs. */

/** The header's and the main button's ink is dark in both schemes: at least 5.2 to 1 on each provider's colour. */
const STYLE = `
:root{color-scheme:light dark;--bg:#f3f5f9;--card:#fff;--ink:#131a26;--soft:#505d70;--line:#d9dfe9;--field:#7b8799;--quiet:#f7f9fc;--bad:#9c1620;--badbg:#fdeeee;--good:#0b5c45;--goodbg:#e6f6ef;--wait:#1d4f91;--waitbg:#e8f0fc;--ring:#1f5fd6;--theme:#c9d2e0}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#161c26;--ink:#eef2f8;--soft:#a8b4c6;--line:#2d3848;--field:#77859a;--quiet:#1b2330;--bad:#ffb4b4;--badbg:#3a181b;--good:#86e5c6;--goodbg:#10322a;--wait:#a9ccff;--waitbg:#14273f;--ring:#8ab4ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;align-content:center;justify-items:center;padding:16px;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
.sheet{width:100%;max-width:460px;background:var(--card);border:1px solid var(--line);border-radius:20px;overflow:hidden;box-shadow:0 1px 2px rgb(10 20 40/.06),0 16px 40px rgb(10 20 40/.1)}
.sheet.wide{max-width:960px}
header{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:8px 12px;padding:14px 20px 14px 24px;background:var(--theme);color:#10151d}
.home header{border-bottom:6px solid;border-image:var(--stripes,linear-gradient(var(--theme),var(--theme))) 1}
.brand{margin:0;font-size:18px;font-weight:700;letter-spacing:-.01em}
.brand a{color:inherit;text-decoration:none}
.test{margin:0;padding:3px 12px;border-radius:99px;background:#10151d;color:#fff;font-size:12px;font-weight:700;letter-spacing:.04em}
.inner{padding:24px}
.soft{margin:0;color:var(--soft);overflow-wrap:anywhere}
h1{margin:0 0 8px;font-size:32px;line-height:1.2;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{margin:0 0 12px;font-size:17px;line-height:1.3}
.amount{font-size:36px;font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:auto 1fr;gap:6px 20px;margin:18px 0 0;padding-top:18px;border-top:1px solid var(--line);font-size:14px}
dt{color:var(--soft)}dd{margin:0;text-align:right;overflow-wrap:anywhere}
.note{margin:0 0 18px;padding:12px 16px;border-radius:12px;font-size:15px}
.bad{background:var(--badbg);color:var(--bad)}.good{background:var(--goodbg);color:var(--good)}.wait{background:var(--waitbg);color:var(--wait)}
a{color:inherit;text-underline-offset:3px}
button,.button{display:grid;place-items:center;width:100%;min-height:48px;padding:8px 16px;border-radius:12px;font:inherit;font-weight:600;text-align:center;text-decoration:none;overflow-wrap:anywhere;cursor:pointer;border:1px solid var(--field);background:transparent;color:var(--ink)}
button:hover,.button:hover{background:var(--quiet)}
.primary,.primary:hover{border-color:var(--theme);background:var(--theme);color:#10151d}
.primary:hover{filter:brightness(.96)}
:focus-visible{outline:3px solid var(--ring);outline-offset:2px}
.two{display:grid;gap:24px}
@media (min-width:800px){.two{grid-template-columns:minmax(0,5fr) minmax(0,7fr);gap:0;padding:0}.two>*{padding:32px}.two>:first-child{border-right:1px solid var(--line);background:var(--quiet)}.inner:not(.two){padding:32px}header{padding:14px 32px}}
fieldset{margin:0 0 18px;padding:0;border:0;min-width:0}
legend{padding:0;margin-bottom:10px;font-weight:700}
.choice{border:1px solid var(--line);border-radius:14px;overflow:hidden}
.choice>*+*{border-top:1px solid var(--line)}
.card{display:grid;grid-template-columns:auto 1fr;gap:0 12px;align-items:center;min-height:56px;padding:8px 16px;cursor:pointer}
.card:hover,summary:hover{background:var(--quiet)}
.card:has(:checked){background:color-mix(in srgb,var(--theme) 22%,var(--card))}
.card input{width:20px;height:20px;margin:0;accent-color:var(--ink)}
.card b{display:block;font-size:15px;font-weight:600}
.card span span{display:block;font-size:14px;color:var(--soft);font-variant-numeric:tabular-nums}
.card:has(:checked) span span{color:var(--ink)}
.card:has(:focus-visible){outline:3px solid var(--ring);outline-offset:-3px}.card input:focus-visible{outline:0}
summary{display:flex;justify-content:space-between;gap:12px;min-height:48px;align-items:center;padding:8px 16px;font-weight:600;font-size:15px;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary::after{content:"";flex:none;width:9px;height:9px;border:solid var(--soft);border-width:0 2px 2px 0;transform:rotate(45deg) translate(-3px,-3px)}
details[open]>summary::after{transform:rotate(225deg) translate(-2px,-2px)}
summary:focus-visible{outline-offset:-3px}
summary small{margin-left:auto;color:var(--soft);font-size:14px;font-weight:400}
details .card{border-top:1px solid var(--line)}
.after{margin-top:20px}
.row{display:grid;grid-template-columns:1fr 1fr;gap:10px;margin:10px 0}
.hint{font-size:14px}
.mark{display:grid;place-items:center;width:56px;height:56px;margin:0 0 16px;border-radius:50%}
.mark svg{width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}
.rows{margin:0 0 32px;padding:0;list-style:none;border:1px solid var(--line);border-radius:14px;overflow:hidden}
.rows li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:2px 16px;align-items:center;padding:12px 16px}
.rows li+li{border-top:1px solid var(--line)}
.rows p{margin:0;overflow-wrap:anywhere}.rows p:first-child{display:flex;flex-wrap:wrap;align-items:center;gap:2px 10px;font-weight:600;font-variant-numeric:tabular-nums}.rows .soft{font-size:14px;grid-column:1}
.rows .end{grid-column:2;grid-row:1/3}.rows .button{min-height:44px;padding:6px 14px;font-size:15px}
.chip{padding:1px 10px;border-radius:99px;background:var(--theme);color:#10151d;font-size:12px;font-weight:700;line-height:1.6}
.tag{display:inline-block;padding:2px 10px;border-radius:99px;font-size:13px;font-weight:600}
.links{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:10px;margin:24px 0 32px;padding:0;list-style:none}
.links a{display:block;height:100%;padding:12px 16px;border:1px solid var(--line);border-radius:14px;text-decoration:none}
.links a:hover{background:var(--quiet)}.links b{display:block}.links span{display:block;font-size:14px;color:var(--soft)}
.empty{margin:0 0 32px;padding:20px 16px;border:1px dashed var(--field);border-radius:14px}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
footer{margin:16px 0 0;font-size:13px;color:var(--soft);text-align:center;max-width:460px}
@media (forced-colors:active){header,.test,.note,.sheet,.primary{border:1px solid}}
`

/** A provider's slug → its colour, six hex digits behind a `#`. One that has none is grey. */
export type Themes = Readonly<Record<string, string>>

/** Each colour for its class, and all of them beside each other. */
function themeStyle(themes: Themes): string {
  const colors = Object.entries(themes).filter(([name, color]) => /^\w+$/.test(name) && /^#[\da-f]{6}$/i.test(color))
  if (colors.length === 0) return ''
  const end = (at: number) => `${(100 * at) / colors.length}%`
  const stripes = colors.map(([, color], at) => `${color} ${end(at)} ${end(at + 1)}`)
  const classes = colors.map(([name, color]) => `.${name}{--theme:${color}}`)
  return `${classes.join('')}:root{--stripes:linear-gradient(90deg,${stripes.join(',')})}`
}

/** Nothing but the page's own styles: nothing is loaded, run or framed. No `form-action`: paying leads to the merchant. */
export function sendPage(reply: FastifyReply, page: string): FastifyReply {
  const styles = [...page.matchAll(/<style>([^<]*)<\/style>/g)].map(([, style]) => `'sha256-${hashOf(String(style))}'`)
  return reply
    .headers({
      ...PAGE_HEADERS,
      'content-security-policy': `default-src 'none'; style-src ${styles.join(' ')}; base-uri 'none'; frame-ancestors 'none'`,
    })
    .send(page)
}

const hashOf = (style: string): string => createHash('sha256').update(style).digest('base64')

/** Of a page or a text that brings a policy of its own. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

export interface Page {
  /** Of the window, and what a screen reader says first. */
  title: string
  /** The provider that it stands in for; null: the sandbox itself. */
  provider: string | null
  /** Where the sandbox begins, as a path with a slash at its end. */
  homePath: string
  /** Of all providers; of a provider's own page `provider` alone. */
  themes: Themes
  isWide: boolean
  /** Of `main`, which begins with its own classes. */
  main: string
  footer: string
}

export function documentOf({ title, provider, homePath, themes, isWide, main, footer }: Page): string {
  const themed = themeStyle(themes)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>${themed && `<style>${themed}</style>`}
</head>
<body class="${provider === null ? 'home' : 'provider'}">
<div class="sheet${isWide ? ' wide' : ''}">
<header><p class="brand">${provider === null ? `<a href="${escapeHtml(homePath)}">Asyncpay sandbox</a>` : escapeHtml(provider)}</p><p class="test">TEST MODE</p></header>
${main}
</div>
<footer>${footer}</footer>
</body>
</html>
`
}

/** What a provider's page shows of the sandbox: `/sandbox/`, for one at `https://example.com/sandbox/paystack`; its colour. */
export function shellOf({
  baseUrl,
  themeColor,
}: Pick<Core, 'baseUrl' | 'themeColor'>): Pick<Page, 'homePath' | 'themes'> {
  const themes: Themes = themeColor === null ? {} : { provider: themeColor }
  return { homePath: new URL('..', `${baseUrl}/`).pathname, themes }
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
