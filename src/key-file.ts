import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The master key of the embedded default, in a file of the data folder. While one key takes the place of another it holds
 * both: `next=` before the change is through, `previous=` after it, as long as links of the key before are to open.
 */
export interface FileKeys {
  readonly current: string
  readonly next: string | null
  readonly previous: string | null
}

export function parseKeyFile(text: string): FileKeys {
  const [current = '', ...others] = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const named = (name: string) => others.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? null
  return { current, next: named('next'), previous: named('previous') }
}

/** Written beside, brought to the disk, then put in its place: a crash at any step leaves the old file or the new one. */
export function writeKeyFile(file: string, { current, next, previous }: FileKeys): void {
  const lines = [current, next && `next=${next}`, previous && `previous=${previous}`].filter(Boolean)
  const draft = `${file}.new`
  const written = openSync(draft, 'w', 0o600)
  try {
    writeSync(written, `${lines.join('\n')}\n`)
    fsyncSync(written)
  } finally {
    closeSync(written)
  }
  renameSync(draft, file)
  // The folder's own entry, too: a rename that is not on the disk is undone by a power cut.
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
