import { TARGET, TOKEN, VALUE } from './characters.ts'
import { hasToken } from './headers.ts'

/** What ends a head: the last line's CRLF and the empty line. */
export const HEAD_END: Buffer = Buffer.from('\r\n\r\n', 'latin1')

/** Why a head was refused. Codes and sentences go to the peer, so they never quote what it sent. */
export class HeadError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const bad = (message: string): HeadError => new HeadError(400, 'BAD_REQUEST', message)

/** The fields of a message, and what they say about its framing. */
export class Fields {
  readonly raw: string[] = []
  /** Content-Length in bytes; −1 when there was none. */
  length = -1
  transferEncoding: string | undefined
  hosts = 0
  close = false
  keepAlive = false
  upgrade = false
  expect: string | undefined
  /** Seconds that the peer promises to keep an idle connection, from Keep-Alive. */
  keepAliveSeconds: number | undefined

  get chunked(): boolean {
    return this.transferEncoding !== undefined
  }
}

export interface RequestHead {
  readonly method: string
  readonly target: string
  /** True for HTTP/1.0. */
  readonly old: boolean
  readonly fields: Fields
}

export interface ResponseHead {
  readonly status: number
  readonly old: boolean
  readonly fields: Fields
}

/**
 * Parses a request head, strictly (RFC 9112): what two readers could frame differently is refused.
 *
 * @param text The head in Latin-1, up to and including the CRLF of its last line.
 * @throws HeadError with the status to answer.
 */
export function parseRequestHead(text: string): RequestHead {
  const methodEnd = skip(TOKEN, text, 0)
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== 32) throw bad('The request line does not start with a method.')
  const targetEnd = skip(TARGET, text, methodEnd + 1)
  if (targetEnd === methodEnd + 1 || text.charCodeAt(targetEnd) !== 32) throw bad('The request target is malformed.')
  const old = isOldVersion(text, targetEnd + 1)
  const method = text.slice(0, methodEnd)
  const target = pathOf(method, text.slice(methodEnd + 1, targetEnd))
  const fields = parseFields(text, targetEnd + 11)
  checkRequest(fields, old)
  return { method, target, old, fields }
}

/** Which of the two spoken versions stands at `at`; the CRLF behind it is checked too. */
function isOldVersion(text: string, at: number): boolean {
  if (text.startsWith('HTTP/1.1\r\n', at)) return false
  if (text.startsWith('HTTP/1.0\r\n', at)) return true
  if (/^HTTP\/\d\.\d\r\n/.test(text.slice(at, at + 10))) {
    throw new HeadError(505, 'VERSION_NOT_SUPPORTED', 'Only HTTP/1.0 and HTTP/1.1 are spoken here.')
  }
  throw bad('The request line does not end with an HTTP version.')
}

/** Path and query of a target; absolute-form loses scheme and authority (RFC 9112 §3.2.2). */
function pathOf(method: string, target: string): string {
  if (method === 'CONNECT') throw new HeadError(501, 'METHOD_NOT_SUPPORTED', 'CONNECT is not supported here.')
  if (target.charCodeAt(0) === 47) return target
  if (target === '*' && method === 'OPTIONS') return target
  const authority = /^https?:\/\/[^/?#]+/i.exec(target)
  if (authority === null) throw bad('The request target is neither a path nor an absolute URL.')
  const path = target.slice(authority[0].length)
  return path.startsWith('/') ? path : `/${path}`
}

function checkRequest(fields: Fields, old: boolean): void {
  if (fields.hosts !== 1 && (!old || fields.hosts > 1)) throw bad('A request needs exactly one Host header.')
  if (fields.transferEncoding === undefined) return
  if (fields.length >= 0) throw bad('Content-Length and Transfer-Encoding exclude each other.')
  if (old) throw bad('HTTP/1.0 knows no Transfer-Encoding.')
  if (fields.transferEncoding.toLowerCase() !== 'chunked') {
    throw new HeadError(501, 'TRANSFER_ENCODING_NOT_SUPPORTED', 'The only supported Transfer-Encoding is chunked.')
  }
}

/**
 * Parses a response head as strictly as a request head.
 *
 * @throws HeadError; its status is meaningless here.
 */
export function parseResponseHead(text: string): ResponseHead {
  const line = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/.exec(text)
  if (line === null) throw bad('The status line is malformed.')
  const old = line[1] === '0'
  const fields = parseFields(text, line[0].length)
  if (fields.transferEncoding !== undefined) checkResponseCoding(fields, old)
  return { status: Number(line[2]), old, fields }
}

function checkResponseCoding(fields: Fields, old: boolean): void {
  if (fields.length >= 0) throw bad('Content-Length and Transfer-Encoding exclude each other.')
  if (old || fields.transferEncoding?.toLowerCase() !== 'chunked') throw bad('The Transfer-Encoding is not chunked.')
}

function skip(allowed: Uint8Array, text: string, at: number): number {
  while (allowed[text.charCodeAt(at)] === 1) at++
  return at
}

/** Parses the field lines of `text` from `at` on; each ends in CRLF. Folded lines, and spaces before a colon, fall out as bad names. */
function parseFields(text: string, at: number): Fields {
  const fields = new Fields()
  const raw = fields.raw
  while (at < text.length) {
    const colon = skip(TOKEN, text, at)
    if (colon === at || text.charCodeAt(colon) !== 58) throw bad('A header name is malformed.')
    let from = colon + 1
    while (isBlank(text.charCodeAt(from))) from++
    const lineEnd = skip(VALUE, text, from)
    if (text.charCodeAt(lineEnd) !== 13 || text.charCodeAt(lineEnd + 1) !== 10)
      throw bad('A header value is malformed.')
    let to = lineEnd
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--
    const name = text.slice(at, colon)
    const value = text.slice(from, to)
    raw.push(name, value)
    note(fields, name, value)
    at = lineEnd + 2
  }
  return fields
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

/** Takes down what a field means for the carrier. The length of a name decides cheaply for nearly all of them. */
function note(fields: Fields, name: string, value: string): void {
  switch (name.length) {
    case 4:
      if (name.toLowerCase() === 'host') fields.hosts++
      break
    case 6:
      if (name.toLowerCase() === 'expect') fields.expect = value
      break
    case 7:
      if (name.toLowerCase() === 'upgrade') fields.upgrade = true
      break
    case 10:
      noteConnection(fields, name.toLowerCase(), value)
      break
    case 14:
      if (name.toLowerCase() === 'content-length') noteLength(fields, value)
      break
    case 17:
      if (name.toLowerCase() === 'transfer-encoding') noteCoding(fields, value)
  }
}

function noteConnection(fields: Fields, name: string, value: string): void {
  if (name === 'connection') {
    if (hasToken(value, 'close')) fields.close = true
    if (hasToken(value, 'keep-alive')) fields.keepAlive = true
  } else if (name === 'keep-alive') {
    const seconds = /(?:^|[,;\s])timeout=(\d{1,9})/i.exec(value)
    if (seconds !== null) fields.keepAliveSeconds = Number(seconds[1])
  }
}

function noteLength(fields: Fields, value: string): void {
  if (fields.length >= 0) throw bad('Content-Length is given more than once.')
  if (!/^\d{1,15}$/.test(value)) throw bad('Content-Length is not a plain number.')
  fields.length = Number(value)
}

function noteCoding(fields: Fields, value: string): void {
  fields.transferEncoding = fields.transferEncoding === undefined ? value : `${fields.transferEncoding}, ${value}`
}
