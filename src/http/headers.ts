import { DrawbridgeError } from '../core/errors.ts'
import { isAll, TOKEN, VALUE } from './characters.ts'
import type { RawHeaders } from './types.ts'

/** Whether a field name equals `lower`, which is lower-case. */
export function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower)
}

/** The first value of the field `name` (lower-case), or undefined. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) if (isNamed(headers[at]!, name)) return headers[at + 1]
  return undefined
}

/** Whether a comma-separated field value holds `token` (lower-case), in any letter case. */
export function hasToken(value: string, token: string): boolean {
  if (value.length < token.length) return false
  if (value === token) return true
  return value
    .toLowerCase()
    .split(',')
    .some((part) => part.trim() === token)
}

/**
 * The fields that a proxy passes on: without the hop-by-hop ones, those that Connection names (RFC 9110 §7.6.1), and
 * those in `drop` (lower-case names). Order and repetition stay.
 *
 * @example
 * endToEnd(['Connection', 'X-Mine', 'X-Mine', '1', 'Accept', '*\/*']) // ['Accept', '*\/*']
 */
export function endToEnd(headers: RawHeaders, drop?: ReadonlySet<string>): string[] {
  const named = namedByConnection(headers)
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!
    if (isHopByHop(name) || isListed(name, named, drop)) continue
    kept.push(name, headers[at + 1]!)
  }
  return kept
}

function namedByConnection(headers: RawHeaders): string[] | undefined {
  let named: string[] | undefined
  for (let at = 0; at < headers.length; at += 2) {
    if (!isNamed(headers[at]!, 'connection')) continue
    const tokens = headers[at + 1]!.toLowerCase().split(',')
    named = [...(named ?? []), ...tokens.map((token) => token.trim())]
  }
  return named
}

/**
 * One field as it goes over the wire.
 *
 * @throws DrawbridgeError `BAD_HEADER` for a name or value that could break out of its line; it names the field only.
 */
export function fieldLine(name: string, value: string): string {
  if (!(name.length > 0 && isAll(TOKEN, name))) {
    throw new DrawbridgeError('BAD_HEADER', `The header name ${JSON.stringify(name.slice(0, 64))} is not a token.`)
  }
  if (!isAll(VALUE, value)) {
    throw new DrawbridgeError('BAD_HEADER', `The value of the header ${name} holds characters that HTTP forbids.`)
  }
  return `${name}: ${value}\r\n`
}

/** The fields that are for the next hop only. Lengths decide for nearly all names, without a lower-case copy. */
function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return isNamed(name, 'te')
    case 7:
      return isNamed(name, 'upgrade') || isNamed(name, 'trailer')
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive')
    case 16:
      return isNamed(name, 'proxy-connection')
    case 17:
      return isNamed(name, 'transfer-encoding')
    case 18:
      return isNamed(name, 'proxy-authenticate')
    case 19:
      return isNamed(name, 'proxy-authorization')
    default:
      return false
  }
}

function isListed(name: string, named: string[] | undefined, drop: ReadonlySet<string> | undefined): boolean {
  if (named === undefined && drop === undefined) return false
  const lower = name.toLowerCase()
  return named?.includes(lower) === true || drop?.has(lower) === true
}

/** The fields that frame a message or speak of its connection: the carrier writes them itself. */
function isFraming(name: string): boolean {
  switch (name.length) {
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive')
    case 14:
      return isNamed(name, 'content-length')
    case 16:
      return isNamed(name, 'proxy-connection')
    case 17:
      return isNamed(name, 'transfer-encoding')
    default:
      return false
  }
}

/**
 * Writes fields as the lines of a head, without those that frame the message and those named `without`. It remembers
 * the last fields: most messages repeat them, and comparing is cheaper than checking and joining them again.
 */
export class FieldLines {
  readonly #without: string
  #headers: RawHeaders = []
  #text = ''
  /** True when the fields just written hold a Date. */
  dated = false

  /** `without` is one more field to leave out, lower-case; '' for none. */
  constructor(without: string) {
    this.#without = without
  }

  /** @throws DrawbridgeError `BAD_HEADER`, see {@link fieldLine}. */
  of(headers: RawHeaders): string {
    if (!isSame(headers, this.#headers)) this.#write(headers)
    return this.#text
  }

  #write(headers: RawHeaders): void {
    let text = ''
    let dated = false
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!
      if (isFraming(name) || isNamed(name, this.#without)) continue
      if (isNamed(name, 'date')) dated = true
      text += fieldLine(name, headers[at + 1]!)
    }
    this.#headers = headers.slice()
    this.#text = text
    this.dated = dated
  }
}

function isSame(one: RawHeaders, other: RawHeaders): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}
