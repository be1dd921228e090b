import type { ErrorEvidence } from './error-effects.ts'
import {
  CLOSE_OBJECT,
  decodeString,
  OPEN_OBJECT,
  refuse,
  saysWord,
  skipColon,
  skipName,
  skipSpace,
  skipValue,
} from './json-text.ts'

/** A JSON-RPC error as an upstream sent it. */
export interface RpcError extends ErrorEvidence {
  readonly kind: 'error'
  /** Raw JSON of the whole error, checked. An object but for servers that send a bare string. */
  readonly error: Buffer
  /** Undefined where it is missing or no whole number. */
  readonly code: number | undefined
  /** Empty where it is missing; raw JSON where it is not a string. */
  readonly message: string
  readonly data: Buffer | undefined
}

/**
 * Reads the value of an `error` member. Of members with the same name the last counts.
 *
 * @throws {MalformedJson}
 */
export function readError(error: Buffer): RpcError {
  const end = skipValue(error, 0, 0)
  if (end !== error.length) refuse(error, end, 'the end of the error')
  let code: number | undefined
  let message = error[0] === OPEN_OBJECT ? '' : wordsOf(error)
  let data: Buffer | undefined
  if (error[0] === OPEN_OBJECT) {
    eachMember(error, (from, nameEnd, valueFrom, valueEnd) => {
      const value = error.subarray(valueFrom, valueEnd)
      if (saysWord(error, from, nameEnd, 'code')) code = codeOf(value)
      else if (saysWord(error, from, nameEnd, 'message')) message = wordsOf(value)
      else if (saysWord(error, from, nameEnd, 'data')) data = value
    })
  }
  return { kind: 'error', error, code, message, hasData: data !== undefined, data }
}

/** Visits the members of an object that is known to be well formed. */
function eachMember(text: Buffer, visit: (from: number, nameEnd: number, valueFrom: number, valueEnd: number) => void) {
  let at = skipSpace(text, 1)
  while (text[at] !== CLOSE_OBJECT) {
    const nameEnd = skipName(text, at)
    const valueFrom = skipColon(text, nameEnd)
    const valueEnd = skipValue(text, valueFrom, 1)
    visit(at, nameEnd, valueFrom, valueEnd)
    at = skipSpace(text, valueEnd)
    if (text[at] !== CLOSE_OBJECT) at = skipSpace(text, at + 1)
  }
}

/** Longer than any number that fits, in bytes. */
const longestCode = 64

/** Some servers write the number into a string. */
function codeOf(value: Buffer): number | undefined {
  if (value.length > longestCode) return undefined
  const text = wordsOf(value)
  const code = Number(text)
  return text.trim() !== '' && Number.isSafeInteger(code) ? code : undefined
}

function wordsOf(value: Buffer): string {
  return decodeString(value, 0, value.length) ?? value.toString()
}
