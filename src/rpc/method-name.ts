import { decodeString } from './json-text.ts'

const slots = 1024
// Names seen, by a hash of their bytes. A newcomer takes the slot over, so there is an end to what is kept.
const seen: ({ readonly bytes: Buffer; readonly name: string } | undefined)[] = Array(slots).fill(undefined)
const longest = 64

/**
 * The text of the string that fills `from` to `end`, quotes included; undefined when it is no string. The same as
 * `decodeString`, but fast for names that come again and again: making a string out of bytes takes longer than
 * finding the one made before, whose hash is known, too.
 */
export function methodName(text: Buffer, from: number, end: number): string | undefined {
  if (end - from > longest) return decodeString(text, from, end)
  const slot = hashOf(text, from, end)
  const kept = seen[slot]
  if (kept !== undefined && isSame(text, from, end, kept.bytes)) return kept.name
  const name = decodeString(text, from, end)
  if (name !== undefined) seen[slot] = { bytes: Buffer.from(text.subarray(from, end)), name }
  return name
}

function hashOf(text: Buffer, from: number, end: number): number {
  let hash = 0
  for (let at = from; at < end; at++) hash = (Math.imul(hash, 31) + text[at]!) | 0
  return (hash ^ (hash >>> 15)) & (slots - 1)
}

function isSame(text: Buffer, from: number, end: number, bytes: Buffer): boolean {
  if (bytes.length !== end - from) return false
  for (let index = 0; index < bytes.length; index++) if (text[from + index] !== bytes[index]) return false
  return true
}
