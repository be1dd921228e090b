import { isUtf8 } from 'node:buffer'
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  MalformedJson,
  OPEN_ARRAY,
  OPEN_OBJECT,
  refuse,
  saysWord,
  skipColon,
  skipName,
  skipSpace,
  skipValue,
} from './json-text.ts'
import { methodName } from './method-name.ts'

const LOWER_N = 0x6e

/** One JSON-RPC call. The spans are views into the scanned body: copy what must outlive it. */
export interface ScannedCall {
  readonly method: string
  /** The id as the client wrote it, to be echoed byte for byte; undefined: a notification, which gets no answer. */
  readonly id: Buffer | undefined
  /** The array or object of parameters as the client wrote it; undefined when absent or null. */
  readonly params: Buffer | undefined
}

/** A member that is JSON but not a call: answered with -32600. */
export interface BadMember {
  readonly problem: string
  /** The id as the client wrote it, where it could be told; undefined: answer with id null. */
  readonly id: Buffer | undefined
}

/** What a request body holds. `at` is the offset of the first byte that is not JSON. */
export type ScannedRequest =
  | { readonly kind: 'single'; readonly call: ScannedCall }
  | { readonly kind: 'batch'; readonly members: readonly (ScannedCall | BadMember)[] }
  | { readonly kind: 'invalid'; readonly bad: BadMember }
  | { readonly kind: 'unparsable'; readonly problem: string; readonly at: number }

/** A batch of more calls than are allowed. */
export interface OversizedBatch {
  readonly kind: 'tooMany'
  readonly count: number
}

/** Whether a member of a batch is not a call. */
export function isBad(member: ScannedCall | BadMember): member is BadMember {
  return 'problem' in member
}

/**
 * Finds the calls in a request body, in one pass and without building any of its values. The whole body is checked
 * against RFC 8259, so that spans of it can be put into other texts as they are.
 *
 * Decisions where JSON-RPC 2.0 leaves room or clients differ:
 * - a leading byte order mark is skipped, as RFC 8259 §8.1 allows;
 * - `jsonrpc` may be absent (old clients), but must be "2.0" where present;
 * - an id may be any JSON value: the specification allows fewer, but an echo costs nothing and breaks no client;
 * - `"params": null` counts as absent; `"id": null` is an id and gets an answer;
 * - of members with the same name the last counts, as for `JSON.parse`.
 *
 * @param maxBatch most members a batch may have; more give `tooMany`, unless the text is broken
 * @example
 * const scanned = scanRequest(Buffer.from('{"id":7,"method":"eth_chainId"}'), 1000)
 * // { kind: 'single', call: { method: 'eth_chainId', id: Buffer '7', params: undefined } }
 */
export function scanRequest(body: Buffer, maxBatch: number): ScannedRequest | OversizedBatch {
  try {
    return scanText(body, maxBatch)
  } catch (error) {
    if (error instanceof MalformedJson) return { kind: 'unparsable', problem: error.message, at: error.at }
    throw error
  }
}

function scanText(body: Buffer, maxBatch: number): ScannedRequest | OversizedBatch {
  if (!isUtf8(body)) throw new MalformedJson('The text is not UTF-8.', 0)
  const start = skipSpace(body, skipByteOrderMark(body))
  if (body[start] === OPEN_ARRAY) return scanBatch(body, start, maxBatch)
  const member = scanMember(body, start, 0)
  checkEnd(body, memberEnd)
  return isBad(member) ? { kind: 'invalid', bad: member } : { kind: 'single', call: member }
}

function scanBatch(body: Buffer, start: number, maxBatch: number): ScannedRequest | OversizedBatch {
  const members: (ScannedCall | BadMember)[] = []
  let count = 0
  let at = skipSpace(body, start + 1)
  if (body[at] !== CLOSE_ARRAY) {
    for (;;) {
      if (count++ < maxBatch) {
        members.push(scanMember(body, at, 1))
        at = memberEnd
      } else at = skipValue(body, at, 1)
      at = skipSpace(body, at)
      if (body[at] === CLOSE_ARRAY) break
      if (body[at] !== COMMA) refuse(body, at, '"," or "]"')
      at = skipSpace(body, at + 1)
    }
  }
  checkEnd(body, at + 1)
  if (count > maxBatch) return { kind: 'tooMany', count }
  return count === 0 ? { kind: 'invalid', bad: bad('The batch is empty.') } : { kind: 'batch', members }
}

function skipByteOrderMark(body: Buffer): number {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0
}

function checkEnd(body: Buffer, end: number): void {
  const at = skipSpace(body, end)
  if (at < body.length) refuse(body, at, 'the end of the text')
}

function bad(problem: string, id?: Buffer): BadMember {
  return { problem, id }
}

// Where the value that scanMember read ends: a second result, returned here to spare an allocation on every call.
let memberEnd = 0

function scanMember(body: Buffer, start: number, depth: number): ScannedCall | BadMember {
  if (body[start] === OPEN_OBJECT) return scanObject(body, start, depth)
  memberEnd = skipValue(body, start, depth)
  return bad('A call must be a JSON object.')
}

// Where the interesting members of the current object begin and end, by position in `names`; an end of 0: absent.
const names = ['jsonrpc', 'id', 'method', 'params'] as const
const begins = new Uint32Array(names.length)
const ends = new Uint32Array(names.length)
const JSONRPC = 0
const ID = 1
const METHOD = 2
const PARAMS = 3

function scanObject(body: Buffer, start: number, depth: number): ScannedCall | BadMember {
  ends.fill(0)
  let at = skipSpace(body, start + 1)
  if (body[at] === CLOSE_OBJECT) at++
  else at = noteMembers(body, at, depth + 1)
  memberEnd = at
  return callFromSpans(body)
}

/** Notes the spans of all members from `at` on; the offset past the object. */
function noteMembers(body: Buffer, at: number, depth: number): number {
  for (;;) {
    const nameEnd = skipName(body, at)
    const name = nameAt(body, at, nameEnd)
    const from = skipColon(body, nameEnd)
    at = skipValue(body, from, depth)
    if (name !== -1) {
      begins[name] = from
      ends[name] = at
    }
    at = skipSpace(body, at)
    if (body[at] === CLOSE_OBJECT) return at + 1
    if (body[at] !== COMMA) refuse(body, at, '"," or "}"')
    at = skipSpace(body, at + 1)
  }
}

function nameAt(body: Buffer, from: number, end: number): number {
  for (let index = 0; index < names.length; index++) if (saysWord(body, from, end, names[index]!)) return index
  return -1
}

function callFromSpans(body: Buffer): ScannedCall | BadMember {
  const id = ends[ID] === 0 ? undefined : spanOf(body, ID)
  if (ends[JSONRPC] !== 0 && !saysWord(body, begins[JSONRPC]!, ends[JSONRPC]!, '2.0')) {
    return bad('"jsonrpc" must be "2.0".', id)
  }
  if (ends[METHOD] === 0) return bad('"method" is missing.', id)
  const method = methodName(body, begins[METHOD]!, ends[METHOD]!)
  if (method === undefined) return bad('"method" must be a string.', id)
  const opening = body[begins[PARAMS]!]
  if (ends[PARAMS] === 0 || opening === LOWER_N) return { method, id, params: undefined }
  const structured = opening === OPEN_ARRAY || opening === OPEN_OBJECT
  return structured ? { method, id, params: spanOf(body, PARAMS) } : bad('"params" must be an array or an object.', id)
}

function spanOf(body: Buffer, name: number): Buffer {
  return body.subarray(begins[name], ends[name])
}
