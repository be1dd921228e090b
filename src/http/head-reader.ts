import { VALUE } from './characters.ts'
import { HEAD_END, HeadError } from './head.ts'
import type { Input } from './input.ts'

/** Longer heads are not remembered: there may be thousands of connections. */
const remembered = 1024

/** Takes message heads out of the bytes of one connection. */
export class HeadReader<Head> {
  /** True while the first bytes of a head are here, and its end is not. */
  partial = false
  readonly #parse: (text: string) => Head
  readonly #maxBytes: number
  readonly #maxLine: number
  /** Bytes of a partial head that were looked at before. */
  #checked = 0
  /** Most peers repeat their heads to the byte: the last one is remembered. */
  #lastText = ''
  #last: Head | undefined

  /**
   * @param maxBytes most bytes of a head, its first line aside when that is longer
   * @param maxLine most bytes of the first line: a target may hold a long query
   */
  constructor(parse: (text: string) => Head, maxBytes: number, maxLine = 0) {
    this.#parse = parse
    this.#maxBytes = maxBytes
    this.#maxLine = maxLine
  }

  /**
   * The next head, or undefined when its end has not come yet.
   *
   * @throws HeadError 431 when it is too large; else what parsing throws, or 400 as soon as it cannot become a head.
   */
  read(input: Input): Head | undefined {
    if (skipEmptyLine(input)) this.#checked = 0
    const { bytes, at } = input
    if (at === input.end) return undefined
    const end = bytes.indexOf(HEAD_END, at + Math.max(0, this.#checked - 3))
    // Past the end lie old bytes of a shared buffer.
    if (end < 0 || end + 4 > input.end) return this.#wait(input)
    this.#bound(input, end + 4 - at)
    this.partial = false
    this.#checked = 0
    input.at = end + 4
    return this.#parsed(bytes.toString('latin1', at, end + 2))
  }

  #parsed(text: string): Head {
    if (text === this.#lastText && this.#last !== undefined) return this.#last
    const head = this.#parse(text)
    this.#last = head
    this.#lastText = text.length <= remembered ? text : ''
    return head
  }

  #wait(input: Input): undefined {
    this.#bound(input, input.end - input.at)
    const from = input.at + this.#checked
    this.#checked = input.end - input.at
    if (!mayBecomeHead(input, from)) throw new HeadError(400, 'BAD_REQUEST', 'These bytes are not an HTTP/1.1 message.')
    this.partial = true
  }

  #bound({ bytes, at, end }: Input, size: number): void {
    if (size <= this.#maxBytes) return
    const found = bytes.indexOf(13, at)
    const line = (found < 0 || found >= end ? end : found) - at
    if (line > this.#maxLine || size - line > this.#maxBytes) throw tooLarge()
  }
}

/** One empty line before a message is forgiven (RFC 9112 §2.2). */
function skipEmptyLine(input: Input): boolean {
  const { bytes, at } = input
  if (bytes[at] !== 13 || at + 1 >= input.end || bytes[at + 1] !== 10) return false
  input.at = at + 2
  return true
}

/** Whether some continuation makes this a head: garbage is refused at once instead of after a timeout. */
function mayBecomeHead({ bytes, at: start, end }: Input, from: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    const afterReturn = at > start && bytes[at - 1] === 13
    if (afterReturn !== (byte === 10)) return false
    if (byte !== 10 && byte !== 13 && VALUE[byte] === 0) return false
  }
  return true
}

function tooLarge(): HeadError {
  return new HeadError(431, 'HEAD_TOO_LARGE', 'The message head is larger than accepted here.')
}
