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
  /** Most peers repeat their heads to the byte: the last one is remembered. */
  #lastText = ''
  #last: Head | undefined

  constructor(parse: (text: string) => Head, maxBytes: number) {
    this.#parse = parse
    this.#maxBytes = maxBytes
  }

  /**
   * The next head, or undefined when its end has not come yet.
   *
   * @throws HeadError 431 when it is too large; else what parsing throws, or 400 as soon as it cannot become a head.
   */
  read(input: Input): Head | undefined {
    skipEmptyLine(input)
    const { bytes, at } = input
    if (at === input.end) return undefined
    const end = bytes.indexOf(HEAD_END, at)
    // Past the end lie old bytes of a shared buffer.
    if (end < 0 || end + 4 > input.end) return this.#wait(input)
    if (end + 4 - at > this.#maxBytes) throw tooLarge()
    this.partial = false
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
    if (input.end - input.at > this.#maxBytes) throw tooLarge()
    if (!mayBecomeHead(input)) throw new HeadError(400, 'BAD_REQUEST', 'These bytes are not an HTTP/1.1 message.')
    this.partial = true
  }
}

/** One empty line before a message is forgiven (RFC 9112 §2.2). */
function skipEmptyLine(input: Input): void {
  const { bytes, at } = input
  if (bytes[at] === 13 && at + 1 < input.end && bytes[at + 1] === 10) input.at = at + 2
}

/** Whether some continuation makes this a head: garbage is refused at once instead of after a timeout. */
function mayBecomeHead({ bytes, at: from, end }: Input): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    const afterReturn = at > from && bytes[at - 1] === 13
    if (afterReturn !== (byte === 10)) return false
    if (byte !== 10 && byte !== 13 && VALUE[byte] === 0) return false
  }
  return true
}

function tooLarge(): HeadError {
  return new HeadError(431, 'HEAD_TOO_LARGE', 'The message head is larger than accepted here.')
}
