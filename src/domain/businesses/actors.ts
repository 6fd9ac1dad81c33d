/** Who acts: every caller has one, and the audit log names it. */

/** `link`: whoever opened a page that was sent or shared. `command_line`: the owner of this machine. */
export type ActorKind = 'secret' | 'public' | 'dashboard' | 'link' | 'command_line' | 'system'

export interface Actor {
  readonly kind: ActorKind
  /** `key:<id>`, `link:<what it opens>`, `cli`, `system`. */
  readonly name: string
  /** From where; null on this machine, and where nobody asks. */
  readonly address: string | null
}

/** Who made something: an actor of that kind, or a subscription that renews by itself. */
export type CreatedBy = Exclude<ActorKind, 'command_line' | 'system'> | 'renewal'

export const keyActor = (kind: 'secret' | 'public', keyId: string, address: string | null): Actor => ({
  kind,
  name: `key:${keyId}`,
  address,
})

/** `opens`: what the link is for, and whose: `checkout/<id>`. */
export const linkActor = (opens: string, address: string | null): Actor => ({
  kind: 'link',
  name: `link:${opens}`,
  address,
})

export const commandLine: Actor = { kind: 'command_line', name: 'cli', address: null }

/** Nobody asked; something had to be there. */
export const system: Actor = { kind: 'system', name: 'system', address: null }

/** Whoever has a public key, or a link that everybody may have: what they say of themselves is not proven. */
export const isStranger = (by: ActorKind | CreatedBy): boolean => by === 'public' || by === 'link'

/** As an answer says it: the owner's command line acts as a secret key would. */
export const createdByOf = ({ kind }: Actor): CreatedBy =>
  kind === 'command_line' || kind === 'system' ? 'secret' : kind
