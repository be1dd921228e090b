import { BACKSLASH, OPEN_ARRAY, OPEN_OBJECT, QUOTE, refuse, saysWord, skipScalar } from './json-text.ts'

// Skipping without checking: for answers, whose insides are forwarded as they are. Only what ends a value matters.

/** What a byte means between strings: 1 opens a string, 2 opens a container, 3 closes one, 0 is passed over. */
export const marks = new Uint8Array(256)
marks[QUOTE] = 1
marks[OPEN_ARRAY] = marks[OPEN_OBJECT] = 2
marks[OPEN_ARRAY + 2] = marks[OPEN_OBJECT + 2] = 3

// A native search costs as much as looking at some fifty bytes.
const lookAt = 48

/** The offset past the closing quote of a string whose inside goes on at `at`; −1 when the bytes end before it. */
export function stringEnd(text: Buffer, at: number): number {
  for (;;) {
    const near = Math.min(text.length, at + lookAt)
    while (at < near) {
      const byte = text[at]
      if (byte === QUOTE) return at + 1
      at += byte === BACKSLASH ? 2 : 1
    }
    const quote = text.indexOf(QUOTE, at)
    if (quote === -1) return -1
    if (!endsEscaped(text, at, quote)) return quote + 1
    at = quote + 1
  }
}

/** Whether the byte at `end` is escaped, by backslashes that begin at `from` at the earliest. */
export function endsEscaped(text: Buffer, from: number, end: number): boolean {
  let at = end
  while (at > from && text[at - 1] === BACKSLASH) at--
  return (end - at) % 2 === 1
}

/** The offset past the value at `at`. Containers need only balance; numbers and literals are checked. */
export function skipLoosely(text: Buffer, at: number): number {
  const byte = text[at]
  if (byte === QUOTE) return skipLooseString(text, at)
  return byte === OPEN_ARRAY || byte === OPEN_OBJECT ? skipContainer(text, at) : skipScalar(text, at)
}

/** The offset past the string whose opening quote is at `at`. */
export function skipLooseString(text: Buffer, at: number): number {
  const end = stringEnd(text, at + 1)
  return end === -1 ? refuse(text, text.length, 'the rest of a string') : end
}

function skipContainer(text: Buffer, at: number): number {
  const end = text.length
  let depth = 0
  for (;;) {
    while (at < end && marks[text[at]!] === 0) at++
    if (at >= end) refuse(text, end, 'the rest of an array or object')
    const mark = marks[text[at]!]
    if (mark === 1) at = skipLooseString(text, at)
    else {
      at++
      if (mark === 2) depth++
      else if (--depth === 0) return at
    }
  }
}

/** Whether a loosely skipped member name says `word`. */
export function isNamed(text: Buffer, from: number, end: number, word: string): boolean {
  try {
    return saysWord(text, from, end, word)
  } catch {
    // Escapes that JSON does not know: so it is not our word.
    return false
  }
}
