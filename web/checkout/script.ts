/**
 * Browser code without a bundler. Node has erased the types when it loaded the module, so the source text of its
 * functions is JavaScript; a page's script is the functions of its modules, one after another. So these modules export
 * every function, keep no state at their top, and have no text that goes over several lines.
 */
export async function scriptOf(modules: readonly string[], entry: string): Promise<string> {
  const functions: string[] = []
  for (const name of modules) {
    // Not a literal: the server's compiler has no types of a browser; web/tsconfig.json checks these files.
    const found: Record<string, unknown> = await import(new URL(`./${name}.ts`, import.meta.url).href)
    for (const [key, value] of Object.entries(found)) {
      if (typeof value !== 'function') throw new Error(`${name}.ts: ${key} is not a function`)
      functions.push(compact(String(value)))
    }
  }
  return `(()=>{"use strict"\n${functions.join('\n')}\n${entry}()})()`
}

/** Without indentation and comments; erased types leave blanks, which go too where no text holds them. */
function compact(source: string): string {
  const lines = source.split('\n').map((line) => line.trim())
  return lines.filter((line) => line && !/^(\/\/|\/\*\*|\*)/.test(line)).join('\n')
}
