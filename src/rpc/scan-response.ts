import { isNamed, skipLoosely, skipLooseString } from './json-loose.ts'
import { CLOSE_OBJECT, COMMA, MalformedJson, OPEN_OBJECT, QUOTE, refuse, skipColon, skipSpace } from './json-text.ts'
import { type RpcError, readError } from './rpc-error.ts'
import { isSameId } from './upstream-id.ts'

export { ResponseSplitter } from './response-splitter.ts'
export type { RpcError } from './rpc-error.ts'

/** What an upstream's body holds. The spans are views into it. */
export type ScannedResponse =
  /** `result`: its raw JSON, of which only brackets and strings were checked to be complete. */
  { readonly kind: 'result'; readonly result: Buffer } | RpcError | NotAnAnswer

/** Not a JSON-RPC answer: HTML, a truncated text, JSON without `result` and `error`. */
export interface NotAnAnswer {
  readonly kind: 'notAnAnswer'
  readonly problem: string
  /** It has the id of another question: what comes on this connection answers nobody. */
  readonly misdirected?: boolean
}

const LOWER_N = 0x6e

/**
 * Finds the result or error in an answer, whatever the order of its members. `"error": null` beside a result is a
 * result; any other error beside a result is an error. Of members with the same name the last counts.
 *
 * @param id what was asked with; undefined takes an answer with any id
 * @example
 * scanResponse(Buffer.from('{"jsonrpc":"2.0","id":1,"result":"0x1"}'))
 * // { kind: 'result', result: Buffer '"0x1"' }
 */
export function scanResponse(body: Buffer, id?: number): ScannedResponse {
  try {
    return scanText(body, id)
  } catch (error) {
    if (error instanceof MalformedJson) return { kind: 'notAnAnswer', problem: error.message }
    throw error
  }
}

// Where the result, the error and the id of the current answer begin and end; an end of 0: absent.
let resultFrom = 0
let resultEnd = 0
let errorFrom = 0
let errorEnd = 0
let idFrom = 0
let idEnd = 0

function scanText(body: Buffer, id: number | undefined): ScannedResponse {
  resultEnd = 0
  errorEnd = 0
  idEnd = 0
  const start = skipSpace(body, 0)
  if (body[start] !== OPEN_OBJECT) refuse(body, start, 'an answer object')
  const first = skipSpace(body, start + 1)
  const end = skipSpace(body, body[first] === CLOSE_OBJECT ? first + 1 : noteMembers(body, first))
  if (end < body.length) refuse(body, end, 'the end of the answer')
  if (id !== undefined && idEnd !== 0 && !isSameId(body, idFrom, idEnd, id)) return misdirected
  if (errorEnd !== 0 && body[errorFrom] !== LOWER_N) return readError(body.subarray(errorFrom, errorEnd))
  if (resultEnd !== 0) return { kind: 'result', result: body.subarray(resultFrom, resultEnd) }
  return { kind: 'notAnAnswer', problem: 'The answer has neither a result nor an error.' }
}

const misdirected: NotAnAnswer = {
  kind: 'notAnAnswer',
  problem: 'The answer has the id of another question.',
  misdirected: true,
}

/** Notes the spans of the members from `at` on; the offset past the object. */
function noteMembers(body: Buffer, at: number): number {
  for (;;) {
    if (body[at] !== QUOTE) refuse(body, at, 'a member name')
    const nameFrom = at
    const nameEnd = skipLooseString(body, at)
    const from = skipColon(body, nameEnd)
    at = skipLoosely(body, from)
    if (isNamed(body, nameFrom, nameEnd, 'result')) {
      resultFrom = from
      resultEnd = at
    } else if (isNamed(body, nameFrom, nameEnd, 'error')) {
      errorFrom = from
      errorEnd = at
    } else if (isNamed(body, nameFrom, nameEnd, 'id')) {
      idFrom = from
      idEnd = at
    }
    at = skipSpace(body, at)
    if (body[at] === CLOSE_OBJECT) return at + 1
    if (body[at] !== COMMA) refuse(body, at, '"," or "}"')
    at = skipSpace(body, at + 1)
  }
}
