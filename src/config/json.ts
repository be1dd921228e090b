/** JSON that cannot be read: what is wrong, and at which character (from 0). */
export class JsonSyntaxError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

const string = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const space = /[ \t\r\n]*/y
const deepest = 100

/**
 * Reads strict JSON. `JSON.parse` would do, but it takes the last of two equal keys without a word, and it does not
 * always say where the text is broken.
 *
 * @throws {@link JsonSyntaxError}
 */
export function parseJson(text: string): unknown {
  let at = 0

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }

  function accept(character: string): boolean {
    match(space)
    if (text[at] !== character) return false
    at++
    return true
  }

  function fail(wanted: string): never {
    const end = at >= text.length ? ', but the file ends here' : ''
    throw new JsonSyntaxError(`${wanted} is missing${end}`, at)
  }

  function readString(what: string): string {
    match(space)
    return JSON.parse(match(string) ?? fail(what)) as string
  }

  function readObject(depth: number): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    if (accept('}')) return {}
    do {
      match(space)
      const keyAt = at
      const key = readString('a key in double quotes')
      if (entries.has(key)) throw new JsonSyntaxError('the same key stands twice in one object', keyAt)
      if (!accept(':')) fail('":"')
      entries.set(key, readValue(depth + 1))
    } while (accept(','))
    if (!accept('}')) fail('"," or "}"')
    return Object.fromEntries(entries)
  }

  function readArray(depth: number): unknown[] {
    const items: unknown[] = []
    if (accept(']')) return items
    do items.push(readValue(depth + 1))
    while (accept(','))
    if (!accept(']')) fail('"," or "]"')
    return items
  }

  function readValue(depth: number): unknown {
    if (depth > deepest) throw new JsonSyntaxError('nested too deep', at)
    if (accept('{')) return readObject(depth)
    if (accept('[')) return readArray(depth)
    if (text[at] === '"') return readString('a string')
    return JSON.parse(match(scalar) ?? fail('a value'))
  }

  const value = readValue(0)
  match(space)
  if (at < text.length) throw new JsonSyntaxError('there is text after the end of the config', at)
  return value
}
