import type { TransactionSource } from '../../consensus/types.ts'
import type { SubmitResult } from '../seams.ts'

/** Told what became of a transaction, once. */
export type Submitted = (result: SubmitResult) => void

interface Waiting {
  readonly transaction: Uint8Array
  readonly done: Submitted
}

/** Limits of a queue. */
export interface QueueLimits {
  readonly maxTransactions: number
  readonly maxBytes: number
  readonly maxTransactionBytes: number
}

/** Transactions that wait for an own block, and those in own blocks that are not on the disk yet. */
export class TransactionQueue implements TransactionSource {
  readonly #limits: QueueLimits
  #waiting: Waiting[] = []
  /** Taken ones are skipped, not shifted: shifting a long array costs its length. */
  #next = 0
  #bytes = 0
  #taken: Waiting[] = []
  #stopped = false

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** Transactions waiting. */
  get length(): number {
    return this.#waiting.length - this.#next
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds a transaction, or refuses it at once. */
  submit(transaction: Uint8Array, done: Submitted): void {
    const refusal = this.#refusalOf(transaction)
    if (refusal !== undefined) {
      done(refusal)
      return
    }
    this.#waiting.push({ transaction, done })
    this.#bytes += transaction.length
  }

  take(count: number, byteLength: number): readonly Uint8Array[] {
    const taken: Uint8Array[] = []
    let left = byteLength
    for (let next = this.#waiting[this.#next]; next !== undefined; next = this.#waiting[this.#next]) {
      if (taken.length === count || next.transaction.length > left) break
      left -= next.transaction.length
      taken.push(next.transaction)
      this.#taken.push(next)
      this.#next++
    }
    this.#bytes -= byteLength - left
    this.#compact()
    return taken
  }

  /**
   * The transactions taken since the last call are in one own block: call the result when it is on the disk.
   */
  sealed(): () => void {
    const taken = this.#taken
    this.#taken = []
    return () => {
      for (const { done } of taken) done('included')
    }
  }

  /** Refuses what waits and everything later. What is in a block already may or may not survive: it is refused too. */
  stop(): void {
    this.#stopped = true
    const rest = [...this.#taken, ...this.#waiting.slice(this.#next)]
    this.#taken = []
    this.#waiting = []
    this.#next = 0
    this.#bytes = 0
    for (const { done } of rest) done('stopped')
  }

  #refusalOf({ length }: Uint8Array): SubmitResult | undefined {
    const { maxTransactions, maxBytes, maxTransactionBytes } = this.#limits
    if (this.#stopped) return 'stopped'
    if (length > maxTransactionBytes) return 'tooLarge'
    return this.length >= maxTransactions || this.#bytes + length > maxBytes ? 'queueFull' : undefined
  }

  #compact(): void {
    if (this.#next < 1024 && this.#next < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#next)
    this.#next = 0
  }
}
