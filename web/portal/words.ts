import type { Language } from '../checkout/language.ts'
import { en, type PortalWords } from './words/en.ts'
import { fr } from './words/fr.ts'
import { ha } from './words/ha.ts'
import { ig } from './words/ig.ts'
import { pt } from './words/pt.ts'
import { sw } from './words/sw.ts'
import { yo } from './words/yo.ts'

export type { PortalWords }

/** A text that one of them lacks does not compile. What the checkout says too stands in its words. */
export const portalWords: Readonly<Record<Language, PortalWords>> = { en, fr, pt, sw, ha, yo, ig }
