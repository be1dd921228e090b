import type { Holding } from '../core/byte-account.ts'
import { Turns } from '../core/turns.ts'
import { decodeBody } from './encoding.ts'
import { CarrierError } from './types.ts'

type Done = (error: CarrierError | undefined, body: Buffer) => void

/** Most bytes that come out for one that went in. JSON that anybody writes stays below; a bomb reaches a thousand and more. */
const mostRatio = 128
/** So much may come out of any body: call data of zeros is worth next to nothing. */
const alwaysAllowed = 1_048_576
/** Bodies decoded at a time: the thread pool looks names up as well. */
const atOnce = 2

/**
 * Undoes the Content-Encoding of what clients send: a few bodies at a time, the clients in turns, each with room booked for
 * what may come out.
 */
export class Decoding {
  #running = 0
  readonly #waiting = new Turns<() => void>()

  /**
   * @param limit most bytes that may come out, however well the body is compressed
   * @param done called once: with `TOO_LARGE` over the limit or the ratio, `NO_ROOM` or `MALFORMED`; or with `ABORTED`
   * when the exchange was over before its turn came
   */
  decode(body: Buffer, encoding: string | undefined, limit: number, holding: Holding, done: Done): void {
    const start = (): void => this.#start(body, encoding, limit, holding, done)
    if (this.#running < atOnce) start()
    else this.#waiting.add(holding.client, start)
  }

  #start(body: Buffer, encoding: string | undefined, limit: number, holding: Holding, done: Done): void {
    const most = Math.min(limit, Math.max(alwaysAllowed, body.length * mostRatio))
    this.#running++
    if (holding.released) this.#finish(done, failed('ABORTED', 'The exchange is over.'), body)
    else if (!holding.take(most)) this.#finish(done, failed('NO_ROOM', 'There is no room for the decoded body.'), body)
    else {
      decodeBody(body, encoding, most, (error, out) => {
        holding.give(error === undefined ? most - out.length : most)
        const unfolds = error?.code === 'TOO_LARGE' && most < limit
        this.#finish(done, unfolds ? failed('TOO_LARGE', tooThin) : error, error === undefined ? out : body)
      })
    }
  }

  #finish(done: Done, error: CarrierError | undefined, body: Buffer): void {
    this.#running--
    this.#waiting.next()?.()
    done(error, body)
  }
}

const tooThin = `It unfolds to more than ${mostRatio} times its size.`

function failed(code: 'ABORTED' | 'NO_ROOM' | 'TOO_LARGE', message: string): CarrierError {
  return new CarrierError(code, message, true)
}
