import type { Language } from './language.ts'
import { en, type Words } from './words/en.ts'
import { fr } from './words/fr.ts'
import { ha } from './words/ha.ts'
import { ig } from './words/ig.ts'
import { pt } from './words/pt.ts'
import { sw } from './words/sw.ts'
import { yo } from './words/yo.ts'

export type { Words }

/** A text that one of them lacks does not compile. */
export const words: Readonly<Record<Language, Words>> = { en, fr, pt, sw, ha, yo, ig }
