import { DrawbridgeError } from '../core/errors.ts'

/** Byte values of JSON's own characters. */
export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_ARRAY = 0x5b
export const CLOSE_ARRAY = 0x5d
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d

/** Containers may stand in one another this deep; a deeper text is refused rather than let exhaust whoever parses it. */
export const maxDepth = 512

const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30
const LOWER_U = 0x75

/** A text that is not JSON. `at` is the offset of the first byte that does not fit. */
export class MalformedJson extends DrawbridgeError {
  readonly at: number

  constructor(problem: string, at: number) {
    super('MALFORMED_JSON', problem)
    this.at = at
  }
}

/** Raises {@link MalformedJson} for the byte at `at`, or for a text that ends there. */
export function refuse(text: Buffer, at: number, wanted: string): never {
  const byte = text[at]
  if (byte === undefined) throw new MalformedJson(`The text ends where ${wanted} was expected.`, at)
  const shown = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`
  throw new MalformedJson(`${shown} stands at offset ${at} where ${wanted} was expected.`, at)
}

/** The offset of the first byte from `at` on that is not white space. */
export function skipSpace(text: Buffer, at: number): number {
  // Reading past the end would work, but cost every later call: the compiler remembers that bytes may be undefined.
  while (at < text.length && isSpace(text[at]!)) at++
  return at
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

// 1: ends a plain run inside a string. A table is a fifth faster than three comparisons.
const endsRun = new Uint8Array(256).fill(1, 0, 0x20)
endsRun[QUOTE] = 1
endsRun[BACKSLASH] = 1

/** The offset past the string whose opening quote is at `at`. */
export function skipString(text: Buffer, at: number): number {
  const end = text.length
  at++
  for (;;) {
    while (at < end && endsRun[text[at]!] === 0) at++
    const byte = text[at]
    if (byte === QUOTE) return at + 1
    if (byte !== BACKSLASH) refuse(text, at, 'the rest of a string')
    at = skipEscape(text, at + 1)
  }
}

function skipEscape(text: Buffer, at: number): number {
  const byte = text[at]
  if (byte === LOWER_U) {
    for (let digit = at + 1; digit <= at + 4; digit++) if (!isHexDigit(text[digit])) refuse(text, digit, 'a hex digit')
    return at + 5
  }
  // " \ / b f n r t
  const known = byte === QUOTE || byte === BACKSLASH || byte === 0x2f || byte === 0x62 || byte === 0x66
  if (known || byte === 0x6e || byte === 0x72 || byte === 0x74) return at + 1
  return refuse(text, at, 'an escape character')
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39
}

function skipDigits(text: Buffer, at: number): number {
  if (!isDigit(text[at])) refuse(text, at, 'a digit')
  while (isDigit(text[at])) at++
  return at
}

function skipNumber(text: Buffer, at: number): number {
  if (text[at] === MINUS) at++
  at = text[at] === ZERO ? at + 1 : skipDigits(text, at)
  if (text[at] === POINT) at = skipDigits(text, at + 1)
  if ((text[at]! | 0x20) !== 0x65) return at
  at++
  if (text[at] === PLUS || text[at] === MINUS) at++
  return skipDigits(text, at)
}

const literals = ['true', 'false', 'null'].map((word) => Buffer.from(word))

/** The offset past the number or literal at `at`. */
export function skipScalar(text: Buffer, at: number): number {
  const byte = text[at]
  if (byte === MINUS || isDigit(byte)) return skipNumber(text, at)
  const word = literals.find((literal) => literal[0] === byte)
  if (word === undefined) return refuse(text, at, 'a value')
  for (let index = 1; index < word.length; index++) {
    if (text[at + index] !== word[index]) refuse(text, at + index, `"${word}"`)
  }
  return at + word.length
}

/** The offset of the value that belongs to the member name at `at`. */
function skipKey(text: Buffer, at: number): number {
  return skipColon(text, skipName(text, at))
}

/** The offset past the member name at `at`. */
export function skipName(text: Buffer, at: number): number {
  return text[at] === QUOTE ? skipString(text, at) : refuse(text, at, 'a member name')
}

/** The offset of the value that follows the member name which ends at `at`. */
export function skipColon(text: Buffer, at: number): number {
  at = skipSpace(text, at)
  return text[at] === COLON ? skipSpace(text, at + 1) : refuse(text, at, '":"')
}

// What is open around the current byte, outermost first. Shared by all calls: none of them can be interrupted.
const open = new Uint8Array(maxDepth)

/**
 * The offset past the value at `at`, every byte of it checked against RFC 8259. Loops instead of recursing, so that
 * no text can exhaust the stack.
 *
 * @param depth how many containers are open around `at`
 * @throws {MalformedJson}
 */
export function skipValue(text: Buffer, at: number, depth: number): number {
  const outermost = depth
  for (;;) {
    const byte = text[at]
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (depth >= maxDepth) throw new MalformedJson(`More than ${maxDepth} containers stand in one another.`, at)
      at = skipSpace(text, at + 1)
      // Both closing brackets are their opening one plus two.
      if (text[at] !== byte + 2) {
        open[depth++] = byte
        if (byte === OPEN_OBJECT) at = skipKey(text, at)
        continue
      }
      at++
    } else at = byte === QUOTE ? skipString(text, at) : skipScalar(text, at)
    for (;;) {
      if (depth === outermost) return at
      at = skipSpace(text, at)
      const kind = open[depth - 1]!
      if (text[at] === COMMA) {
        at = skipSpace(text, at + 1)
        if (kind === OPEN_OBJECT) at = skipKey(text, at)
        break
      }
      if (text[at] !== kind + 2) refuse(text, at, kind === OPEN_OBJECT ? '"," or "}"' : '"," or "]"')
      depth--
      at++
    }
  }
}

/** The text of the string that fills `from` to `end`, quotes included; undefined when it is no string. */
export function decodeString(text: Buffer, from: number, end: number): string | undefined {
  if (text[from] !== QUOTE) return undefined
  for (let at = from + 1; at < end - 1; at++) {
    const byte = text[at]!
    if (byte === BACKSLASH || byte >= 0x80) return JSON.parse(text.toString('utf8', from, end)) as string
  }
  return text.toString('latin1', from + 1, end - 1)
}

/** Whether the string that fills `from` to `end`, quotes included, says `word`, made of letters, digits and points. */
export function saysWord(text: Buffer, from: number, end: number, word: string): boolean {
  if (text[from] !== QUOTE) return false
  // Written with escapes, each letter takes six bytes instead of one.
  if (end - from >= word.length + 7) return decodeString(text, from, end) === word
  if (end - from !== word.length + 2) return false
  for (let index = 0; index < word.length; index++) {
    if (text[from + 1 + index] !== word.charCodeAt(index)) return false
  }
  return true
}
