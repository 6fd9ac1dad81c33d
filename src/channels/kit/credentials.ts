import { type Channel, type CredentialField, CredentialsError } from '../channel.ts'
import { objectOf } from './exchange.ts'

/**
 * A channel's credentials as a list of fields: parsed, and their mode read, by what the list says. Adapters declare, and
 * the command line, the demo and whoever draws a form read the same list.
 */

/** What parsing gives: required fields are texts, the others texts or null. */
export type CredentialsOf<Fields extends readonly CredentialField[]> = {
  readonly [Field in Fields[number] as Field['name']]: Field['required'] extends true ? string : string | null
}

/** The part of a channel that is about its credentials. */
export function credentialsBy<const Fields extends readonly CredentialField[]>(
  fields: Fields,
): Pick<Channel<CredentialsOf<Fields>>, 'credentialFields' | 'parseCredentials' | 'modeOf'> {
  return {
    credentialFields: fields,
    parseCredentials: (input) => parse(fields, input) as CredentialsOf<Fields>,
    modeOf: (credentials) => modeOf(fields, credentials as Values),
  }
}

type Values = Readonly<Record<string, string | null>>

/** Throws `CredentialsError` with words beside each wrong field, which repeat nothing of what was entered. */
function parse(fields: readonly CredentialField[], input: unknown): Values {
  const given = objectOf(input) ?? {}
  const values: Record<string, string | null> = {}
  const wrong: Record<string, string> = {}
  for (const { name, label, required, form, formWords } of fields) {
    const value = typeof given[name] === 'string' ? given[name].trim() : ''
    if (value === '' && required) wrong[name] = `The ${inSentence(label)} is needed.`
    if (value !== '' && !form.test(value)) wrong[name] = formWords
    values[name] = value || null
  }
  for (const [name, words] of Object.entries(strangers(fields, values))) wrong[name] ??= words
  if (Object.keys(wrong).length > 0) throw new CredentialsError(wrong)
  return values
}

/** Fields whose mode is not that of the first field that tells one; nothing where that one is wrong itself. */
function strangers(fields: readonly CredentialField[], values: Values): Record<string, string> {
  const [first, ...others] = fields.filter(({ modes }) => modes)
  const mode = first && modeOfField(first, values)
  if (!mode) return {}
  return Object.fromEntries(
    others
      .filter((field) => (modeOfField(field, values) ?? mode) !== mode)
      .map(({ name, label }) => [
        name,
        `The ${inSentence(label)} and the ${inSentence(first.label)} are of different modes.`,
      ]),
  )
}

/** By the first field that tells one; null where none does. */
function modeOf(fields: readonly CredentialField[], values: Values): 'test' | 'live' | null {
  return fields.map((field) => modeOfField(field, values)).find((mode) => mode !== null) ?? null
}

function modeOfField({ name, modes, form }: CredentialField, values: Values): 'test' | 'live' | null {
  const value = values[name] ?? ''
  if (!modes || !form.test(value)) return null
  return modes.live.test(value) ? 'live' : modes.test.test(value) ? 'test' : null
}

/** "Secret key" within a sentence. */
const inSentence = (label: string): string => label.charAt(0).toLowerCase() + label.slice(1)

/** Credentials that only the sandbox takes, in the provider's own form; `random` gives hex digits, new ones each time. */
export function samplesOf(fields: readonly CredentialField[], random: () => string): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap(({ name, sample }) => (sample === undefined ? [] : [[name, sample.replaceAll('*', random)]])),
  )
}
