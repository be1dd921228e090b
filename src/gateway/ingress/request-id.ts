import type { Random } from '../../core/random.ts'

const longest = 128

/** Gives every request a name that appears in its answer, in our log and at the upstream. */
export class RequestIds {
  readonly #prefix: string
  #count = 0

  constructor(random: Random) {
    this.#prefix = random.bytes(6).toString('base64url')
  }

  /** The client's own X-Request-Id when it is fit to be logged and passed on, else a new one. */
  idFor(given: string | undefined): string {
    if (given !== undefined && given.length <= longest && /^[\x21-\x7e]+$/.test(given)) return given
    this.#count++
    return `${this.#prefix}-${this.#count.toString(36)}`
  }
}
