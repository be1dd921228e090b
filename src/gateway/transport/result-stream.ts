import type { AbortableSource, ByteReceiver, Flow } from '../../core/flow.ts'
import { GatheredBytes } from '../../core/gathered-bytes.ts'
import { CarrierError } from '../../http/types.ts'
import { ResponseSplitter, type SplitEnd, type SplitState } from '../../rpc/response-splitter.ts'

/** A connection that may have to carry nothing more. */
interface Retirable {
  retire(): void
}

/**
 * A JSON-RPC answer that is too large to hold. Read until it is certain whether it is a result or an error; a result
 * then flows on to its reader without the envelope around it.
 */
export class ResultStream implements AbortableSource {
  readonly length = undefined
  readonly #rest: AbortableSource
  readonly #splitter: ResponseSplitter
  #reader: ByteReceiver | undefined
  readonly #early = new GatheredBytes()
  readonly #connection: Retirable | undefined

  /**
   * @param id what was asked with; an answer with another one breaks off, and its connection ends
   */
  constructor(head: Buffer, rest: AbortableSource, id?: number, connection?: Retirable) {
    this.#rest = rest
    this.#connection = connection
    this.#splitter = new ResponseSplitter((piece) => this.#pass(piece), undefined, id)
    this.#splitter.push(head)
  }

  get state(): SplitState {
    return this.#splitter.state
  }

  /** Reads the rest of an answer that is no result; for errors, which are small, and for garbage, which is not kept. */
  conclude(done: (end: SplitEnd | undefined) => void): void {
    let over = false
    const finish = (end: SplitEnd | undefined): void => {
      if (over) return
      over = true
      if (this.#splitter.misdirected) this.#connection?.retire()
      done(end)
    }
    this.#rest.open({
      onData: (chunk) => {
        if (over || this.#splitter.push(chunk) !== 'notAnAnswer') return
        this.#rest.abort()
        finish(this.#splitter.end())
      },
      onEnd: () => finish(this.#splitter.end()),
      onError: () => finish(undefined),
    })
  }

  open(reader: ByteReceiver): Flow {
    this.#reader = reader
    if (this.#early.length > 0) reader.onData(this.#early.take())
    return this.#rest.open({
      onData: (chunk) => {
        this.#splitter.push(chunk)
        if (this.#splitter.state === 'notAnAnswer') this.#fail('The upstream sent a broken answer.')
      },
      onEnd: () => this.#finish(),
      onError: (error) => this.#reader?.onError(error),
    })
  }

  abort(): void {
    this.#reader = undefined
    this.#early.drop()
    this.#rest.abort()
  }

  #pass(piece: Buffer): void {
    if (this.#reader === undefined) this.#early.add(piece)
    else this.#reader.onData(piece)
  }

  #finish(): void {
    if (this.#splitter.end().kind === 'result') this.#reader?.onEnd()
    else this.#fail('The upstream broke off in the middle of its answer.')
  }

  #fail(message: string): void {
    const reader = this.#reader
    this.abort()
    if (this.#splitter.misdirected) this.#connection?.retire()
    reader?.onError(new CarrierError('MALFORMED', message, true))
  }
}
