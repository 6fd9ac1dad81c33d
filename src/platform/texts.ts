/** What of a text can be seen. */

/**
 * Spaces, controls and what Unicode says to show as nothing (zero-width signs, fillers, variation selectors), and the
 * blank Braille pattern, which is nothing by its drawing.
 */
const invisible = String.raw`\p{Z}\p{C}\p{Default_Ignorable_Code_Point}\u2800`
const anyInvisible = new RegExp(`[${invisible}]`, 'u')
/** A combining mark alone sits on nothing. */
const anyVisible = new RegExp(`[^${invisible}\\p{M}]`, 'u')

export const hasInvisible = (text: string): boolean => anyInvisible.test(text)

/** Nothing of it can be seen. */
export const isBlank = (text: string): boolean => !anyVisible.test(text)
