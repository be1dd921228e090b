import type { BlockRef, Round, SignedBlock } from './types.ts'

/**
 * The own blocks of this log that may still be ordered, and the transactions of those that never will be: a validator
 * that was cut off makes a block or two that the committee hears of only when their rounds are collected. What such a
 * block held goes into the next own blocks; since what a leader orders depends on the commits alone, no one can have
 * ordered it.
 */
export class OwnBlocks {
  readonly #open: SignedBlock[] = []
  #orphaned: Uint8Array[]

  constructor(orphaned: readonly Uint8Array[] = []) {
    this.#orphaned = [...orphaned]
  }

  /** Transactions that wait to be proposed again, oldest first. */
  get orphaned(): readonly Uint8Array[] {
    return this.#orphaned
  }

  /** An own block was made; rounds ascend. */
  add(block: SignedBlock): void {
    this.#open.push(block)
  }

  /** An own block of the log: what it proposed again waits no more. */
  replay(block: SignedBlock): void {
    let again = 0
    for (const transaction of block.block.transactions) {
      const waiting = this.#orphaned[again]
      if (waiting === undefined || Buffer.compare(waiting, transaction) !== 0) break
      again++
    }
    this.#orphaned = this.#orphaned.slice(again)
    this.add(block)
  }

  /** Takes out at most `count` transactions of at most `byteLength` bytes together, oldest first. */
  take(count: number, byteLength: number): readonly Uint8Array[] {
    let taken = 0
    for (let left = byteLength; taken < Math.min(count, this.#orphaned.length); taken++) {
      left -= this.#orphaned[taken]!.length
      if (left < 0) break
    }
    return taken === 0 ? [] : this.#orphaned.splice(0, taken)
  }

  /** No leader orders rounds up to `gcRound` any more. */
  collect(gcRound: Round, isOrdered: (ref: BlockRef) => boolean): void {
    for (let block = this.#open[0]; block !== undefined && block.ref.round <= gcRound; block = this.#open[0]) {
      this.#open.shift()
      if (!isOrdered(block.ref)) this.#orphaned.push(...block.block.transactions)
    }
  }
}
