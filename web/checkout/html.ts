/** A piece of markup. Only `html` makes one, so that a text is never mistaken for one. */
export interface Html {
  readonly markup: string
}

type Value = string | number | Html | readonly Html[] | null | false

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)

/** Every value is escaped unless `html` made it; null and false are nothing. Attributes stand in double quotes. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  const markup = parts.map((part, index) => part + (index < values.length ? textOf(values[index]) : '')).join('')
  return { markup }
}

function textOf(value: Value | undefined): string {
  if (value === undefined || value === null || value === false) return ''
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value))
  return 'markup' in value ? value.markup : value.map((one) => one.markup).join('')
}

/** Markup of our own making: style, script, a drawn code. Never what somebody sent. */
export const trusted = (markup: string): Html => ({ markup })

/** For a `<script type="application/json">`: no `<` ends it early. */
export const jsonText = (value: unknown): Html => trusted(JSON.stringify(value).replace(/</g, '\\u003c'))

/** The address, where a browser may be sent there: http and https. */
export function webAddress(address: string | null): string | null {
  return address !== null && URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : null
}
