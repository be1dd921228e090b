import { ChunkedSkip } from './chunked-skip.ts'
import { HeldBytes } from './held-bytes.ts'
import { isNamed } from './json-loose.ts'
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  MalformedJson,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  refuse,
  skipScalar,
  skipSpace,
} from './json-text.ts'
import { type RpcError, readError } from './rpc-error.ts'
import { isSameId } from './upstream-id.ts'

/** What is known of an answer that is still arriving. */
export type SplitState = 'unknown' | 'result' | 'error' | 'notAnAnswer'

/** What an answer turned out to be at its end. For `result` the bytes have been handed out. */
export type SplitEnd =
  | { readonly kind: 'result' }
  | RpcError
  | { readonly kind: 'notAnAnswer'; readonly problem: string }

/** Longest error, and longest number, that is held. */
const defaultMaxHeld = 1_048_576
/** A name longer than this, escapes included, is neither of ours. */
const longestName = 64
const LOWER_N = 0x6e

type Step =
  | 'start'
  | 'firstName'
  | 'nextName'
  | 'inName'
  | 'colon'
  | 'value'
  | 'inValue'
  | 'inScalar'
  | 'afterValue'
  | 'done'
  | 'broken'

/**
 * Takes the result out of an answer that is too large to hold, chunk by chunk, in constant memory. Sees the same as
 * `scanResponse` of the whole text, with two differences that come from not knowing the end: a second `result` or
 * `error`, or an error after a result that is already handed out, makes the answer broken.
 *
 * A `null` result is handed out at the end only, as an error may still follow it.
 *
 * @example
 * const splitter = new ResponseSplitter((piece) => exchange.write(piece))
 * if (splitter.push(chunk) === 'error') … // nothing has been handed out: another upstream may be tried
 * const end = splitter.end()
 */
export class ResponseSplitter {
  readonly #emit: (piece: Buffer) => void
  #step: Step = 'start'
  #state: SplitState = 'unknown'
  #problem = ''
  #member: 'result' | 'error' | 'id' | 'other' = 'other'
  readonly #id: number | undefined
  #misdirected = false
  // The current name, string or container.
  readonly #skip = new ChunkedSkip()
  // Bytes of the current name, scalar or error.
  readonly #held: HeldBytes
  #nullResult = false
  #error: Buffer | undefined

  /**
   * @param emit receives the bytes of the result, as views into the chunks, while they are pushed
   * @param maxHeld longest error, in bytes, that is collected; a longer one makes the answer broken
   * @param id what was asked with; undefined takes an answer with any id
   */
  constructor(emit: (piece: Buffer) => void, maxHeld: number = defaultMaxHeld, id?: number) {
    this.#emit = emit
    this.#id = id
    this.#held = new HeldBytes(maxHeld)
  }

  /** `result` or `error` as soon as it is certain which of the two the answer is. */
  get state(): SplitState {
    return this.#state
  }

  /** The answer has the id of another question. */
  get misdirected(): boolean {
    return this.#misdirected
  }

  /** Takes the next chunk. The chunk must stay unchanged for as long as its pieces are in use. */
  push(chunk: Buffer): SplitState {
    try {
      let at = 0
      while (at < chunk.length && this.#step !== 'broken') at = this.#advance(chunk, at)
    } catch (error) {
      this.#break(error)
    }
    return this.#state
  }

  /** The text is over: tells what it was, and whether it was complete. */
  end(): SplitEnd {
    if (this.#step !== 'done' && this.#step !== 'broken') this.#break(new MalformedJson('The answer is truncated.', 0))
    if (this.#step === 'done' && this.#state === 'unknown') this.#settle()
    if (this.#state === 'result') return { kind: 'result' }
    if (this.#state === 'error') return this.#readError()
    return { kind: 'notAnAnswer', problem: this.#problem }
  }

  #settle(): void {
    if (this.#nullResult) {
      this.#state = 'result'
      this.#emit(Buffer.from('null'))
    } else this.#break(new MalformedJson('The answer has neither a result nor an error.', 0))
  }

  #readError(): SplitEnd {
    try {
      return readError(this.#error!)
    } catch (error) {
      this.#break(error)
      return { kind: 'notAnAnswer', problem: this.#problem }
    }
  }

  #break(error: unknown): void {
    if (!(error instanceof MalformedJson)) throw error
    this.#step = 'broken'
    this.#state = 'notAnAnswer'
    this.#problem = error.message
    this.#held.drop()
  }

  /** Goes on with the current step for as many bytes as it takes; the offset of the first byte for the next step. */
  #advance(chunk: Buffer, at: number): number {
    switch (this.#step) {
      case 'inValue':
        return this.#passValue(chunk, at, this.#skip.skip(chunk, at))
      case 'inScalar':
        return this.#scanScalar(chunk, at)
      case 'inName':
        return this.#scanName(chunk, at)
      default:
        at = skipSpace(chunk, at)
        return at < chunk.length ? this.#punctuation(chunk, at) : at
    }
  }

  #punctuation(chunk: Buffer, at: number): number {
    const byte = chunk[at]
    switch (this.#step) {
      case 'start':
        return byte === OPEN_OBJECT ? this.#go('firstName', at) : refuse(chunk, at, 'an answer object')
      case 'firstName':
        if (byte === CLOSE_OBJECT) return this.#go('done', at)
        return byte === QUOTE ? this.#startName(at) : refuse(chunk, at, 'a member name')
      case 'nextName':
        return byte === QUOTE ? this.#startName(at) : refuse(chunk, at, 'a member name')
      case 'colon':
        return byte === COLON ? this.#go('value', at) : refuse(chunk, at, '":"')
      case 'value':
        return this.#startValue(chunk, at)
      case 'afterValue':
        if (byte === COMMA) return this.#go('nextName', at)
        return byte === CLOSE_OBJECT ? this.#go('done', at) : refuse(chunk, at, '"," or "}"')
      default:
        return refuse(chunk, at, 'the end of the answer')
    }
  }

  #go(step: Step, at: number): number {
    this.#step = step
    return at + 1
  }

  #startName(at: number): number {
    this.#skip.beginString()
    this.#held.add(Buffer.of(QUOTE))
    return this.#go('inName', at)
  }

  #scanName(chunk: Buffer, at: number): number {
    const end = this.#skip.skip(chunk, at)
    if (this.#held.length <= longestName) this.#held.add(chunk.subarray(at, Math.min(end, at + longestName + 1)))
    if (!this.#skip.done) return end
    const name = this.#held.take()
    this.#member = 'other'
    if (isNamed(name, 0, name.length, 'result')) this.#member = 'result'
    else if (isNamed(name, 0, name.length, 'error')) this.#member = 'error'
    else if (this.#id !== undefined && isNamed(name, 0, name.length, 'id')) this.#member = 'id'
    this.#step = 'colon'
    return end
  }

  #startValue(chunk: Buffer, at: number): number {
    const byte = chunk[at]
    if (byte !== QUOTE && byte !== OPEN_OBJECT && byte !== OPEN_ARRAY) {
      this.#step = 'inScalar'
      return at
    }
    this.#decide()
    this.#step = 'inValue'
    if (byte === QUOTE) this.#skip.beginString()
    else this.#skip.beginContainer()
    return this.#passValue(chunk, at, this.#skip.skip(chunk, at + 1))
  }

  /** The value that begins is neither null nor skipped: it tells what the answer is. */
  #decide(): void {
    if (this.#member === 'other' || this.#member === 'id') return
    if (this.#state === 'result') throw new MalformedJson('A second result or an error follows the result.', 0)
    if (this.#state === 'error') {
      if (this.#member === 'error') throw new MalformedJson('The answer has two errors.', 0)
      this.#member = 'other'
    } else this.#state = this.#member
  }

  #passValue(chunk: Buffer, from: number, end: number): number {
    this.#pass(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end))
    if (this.#skip.done) this.#endValue()
    return end
  }

  #pass(piece: Buffer): void {
    if (this.#member === 'result') this.#emit(piece)
    else if (this.#member === 'error' || this.#member === 'id') this.#held.add(piece)
  }

  #endValue(): void {
    if (this.#member === 'error') this.#error = this.#held.take()
    else if (this.#member === 'id') this.#checkId(this.#held.take())
    this.#step = 'afterValue'
  }

  #scanScalar(chunk: Buffer, at: number): number {
    const from = at
    while (at < chunk.length && !endsScalar(chunk[at]!)) at++
    this.#held.add(chunk.subarray(from, at))
    if (at < chunk.length) this.#endScalar()
    return at
  }

  #endScalar(): void {
    const scalar = this.#held.take()
    const end = skipScalar(scalar, 0)
    if (end !== scalar.length) refuse(scalar, end, 'the end of a value')
    this.#step = 'afterValue'
    if (scalar[0] === LOWER_N) this.#noteNull()
    else this.#noteScalar(scalar)
  }

  #noteScalar(scalar: Buffer): void {
    this.#decide()
    if (this.#member === 'result') this.#emit(scalar)
    else if (this.#member === 'error') this.#error = scalar
    else if (this.#member === 'id') this.#checkId(scalar)
  }

  #checkId(raw: Buffer): void {
    if (isSameId(raw, 0, raw.length, this.#id!)) return
    this.#misdirected = true
    throw new MalformedJson('The answer has the id of another question.', 0)
  }

  #noteNull(): void {
    if (this.#member === 'result' && this.#state === 'result') throw new MalformedJson('The answer has two results.', 0)
    if (this.#member === 'error' && this.#state === 'error') throw new MalformedJson('The answer has two errors.', 0)
    if (this.#member === 'result') this.#nullResult = true
  }
}

function endsScalar(byte: number): boolean {
  return byte <= 0x20 || byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY
}
