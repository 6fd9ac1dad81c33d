/** Longer names are cut: a name is no place for a message. */
const shownMax = 100

/**
 * Text that others wrote, as one line in which no mail program finds a link: a space stands after each dot, @ and colon
 * that could make one. An address in a name is so still seen for what it is, and cannot be clicked.
 */
export function plain(written: string): string {
  const line = written
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    // Joiners belong to the writing of some languages; whatever else is unseen hides or turns around what is read.
    .replaceAll(/(?![\u200c\u200d])\p{Cf}/gu, '')
    .replaceAll(/\s+/gu, ' ')
    .trim()
  const cut = [...line].length > shownMax ? `${[...line].slice(0, shownMax).join('')}…` : line
  return cut
    .replaceAll(/\b\d+(?:\.\d+){3}\b/g, (address) => address.replaceAll('.', '. '))
    .replaceAll(/[.。．｡](?=[^\s\d.,;:!?)'"\]])/gu, '$& ')
    .replaceAll(/[@＠](?=\S)/gu, '$& ')
    .replaceAll(/(?<=\p{L}):(?=\S)/gu, ': ')
    .replaceAll(/:(?=\/\/)/g, ': ')
}
