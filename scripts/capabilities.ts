import type { Channel } from '../src/channels/channel.ts'
import { listChannels } from '../src/channels/index.ts'
import { formatAmount } from '../src/platform/money.ts'

const yes = (method: unknown) => (method ? 'yes' : 'no')

/** A saved method that the channel cannot forget is still unusable here once we have. */
const savedOf = ({ chargeSaved, forgetSaved }: Channel) =>
  !chargeSaved ? 'no' : forgetSaved ? 'charged, forgotten' : 'charged'

/** What each channel can do, read off its adapter; README.md shows it between its two marks. */
export function capabilitiesTable(): string {
  const rows = listChannels().map((channel) => {
    const currencies = Object.entries(channel.limits.currencies)
    const least = currencies
      .slice(0, 6)
      .map(([currency, limit]) => `${currency} ${formatAmount(limit.payMinor, currency)}`)
    const more = currencies.length > 6 ? ` and ${currencies.length - 6} more` : ''
    const cells = [channel.displayName, String(currencies.length), least.join(', ') + more]
    return `| ${[...cells, savedOf(channel), yes(channel.voidCheckout), yes(channel.refund)].join(' | ')} |`
  })
  return `| channel | currencies | least amounts | saved methods | closes an unpaid page | refunds |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

export const capabilitiesMarks = [
  '<!-- capabilities: made by npm run generate -->\n',
  '<!-- end of capabilities -->',
] as const

/** `text` with the table between the marks. */
export function withCapabilities(text: string): string {
  const [begin, end] = capabilitiesMarks
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`README.md needs the marks ${begin.trim()} and ${end}`)
  return text.slice(0, from + begin.length) + capabilitiesTable() + text.slice(to)
}
