const digestBytes = 32

/** A growing list of SHA-256 digests, 32 bytes each: an hour of virtual time makes a million. */
export class Chain {
  #bytes = Buffer.alloc(digestBytes * 1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** All digests in order, one after the other. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, digestBytes * this.#length)
  }

  /** Adds a digest of 64 hex digits. */
  push(digest: string): void {
    const at = digestBytes * this.#length
    if (at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length)
    this.#bytes.write(digest, at, 'hex')
    this.#length++
  }

  /** The digest at a position, in hex; undefined past the end. */
  at(position: number): string | undefined {
    if (position >= this.#length) return undefined
    return this.#bytes.toString('hex', digestBytes * position, digestBytes * (position + 1))
  }
}
