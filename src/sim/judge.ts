import { createHash } from 'node:crypto'
import type { CommittedSubDag } from '../consensus/types.ts'
import type { Clock } from '../core/clock.ts'
import { Ballot } from './ballot.ts'
import { Chain } from './chain.ts'

/** What became of the transactions of a run. */
export interface TransactionCounts {
  readonly submitted: number
  readonly ordered: number
  readonly doubled: number
  readonly lost: number
}

const unset = -1

/** Blocks whose making is remembered; a leader is committed long before so many come after it. */
const keptBlocks = 50_000

/**
 * Watches every delivery of the honest validators and keeps the one sequence that all of them must be prefixes of. The
 * first to deliver an index writes it; whoever delivers something else at that index has broken safety.
 */
export class Judge {
  readonly #clock: Clock
  readonly #unitMs: number
  readonly #heights: number[]
  /** Up to where each validator's delays are measured: what a wiped one delivers again is old news. */
  readonly #measured: number[]
  readonly #chain = new Chain()
  readonly #ballot = new Ballot()
  #lastCommitAtMs = unset
  readonly #signed = new Map<string, number>()
  readonly #transactions: TransactionBook
  readonly latencies: number[] = []
  readonly messageDelays: number[] = []
  #fault: string | undefined

  constructor(clock: Clock, validators: number, unitMs: number) {
    this.#clock = clock
    this.#unitMs = unitMs
    this.#heights = new Array<number>(validators).fill(0)
    this.#measured = new Array<number>(validators).fill(0)
    this.#transactions = new TransactionBook(clock)
  }

  get transactions(): TransactionBook {
    return this.#transactions
  }

  /** Commits in the longest honest sequence. */
  get commits(): number {
    return this.#chain.length
  }

  /** Commits that a validator has delivered in its present life. */
  height(validator: number): number {
    return this.#heights[validator] ?? 0
  }

  /** "ok", or what the first broken promise was. */
  get safety(): string {
    if (this.#fault !== undefined) return this.#fault
    const { doubled } = this.#transactions
    return doubled === 0 ? 'ok' : `${doubled} transactions were ordered twice`
  }

  /** When the newest commit of the longest sequence was first delivered; −1 before the first. */
  get lastCommitAtMs(): number {
    return this.#lastCommitAtMs
  }

  /** SHA-256 over the digests of the longest sequence, in order. */
  get digest(): string {
    return createHash('sha256').update(this.#chain.bytes).digest('hex')
  }

  /** An author made a block: once it is on its disk, it leaves. */
  signed(digest: string): void {
    this.#signed.set(digest, this.#clock.now())
    if (this.#signed.size > keptBlocks) this.#signed.delete(this.#signed.keys().next().value!)
  }

  /** The validator's consumer lost everything: its sequence begins anew. */
  forget(validator: number): void {
    this.#heights[validator] = 0
  }

  /** An honest validator delivers its next sub-DAG, or after a restart one that was not acknowledged. */
  deliver(validator: number, subDag: CommittedSubDag): void {
    const { index, digest } = subDag.commitRef
    const height = this.#heights[validator]!
    if (index > height + 1) this.broke(`validator ${validator} delivered commit ${index} after ${height}`)
    const known = this.#chain.at(index - 1)
    if (known === undefined) this.#append(subDag)
    else if (known !== digest)
      this.broke(`validator ${validator} delivered another commit at index ${index} than others`)
    const rejected = this.#ballot.count(subDag, known === undefined)
    if (rejected !== undefined) this.broke(`validator ${validator} delivered ${rejected}`)
    if (index !== height + 1) return
    this.#heights[validator] = index
    if (index <= this.#measured[validator]!) return
    this.#measured[validator] = index
    this.#measure(validator, subDag)
  }

  #append(subDag: CommittedSubDag): void {
    this.#chain.push(subDag.commitRef.digest)
    this.#lastCommitAtMs = this.#clock.now()
    for (const { block } of subDag.blocks) {
      for (const transaction of block.transactions) this.#transactions.ordered(transaction)
    }
  }

  #measure(validator: number, subDag: CommittedSubDag): void {
    const signedAt = this.#signed.get(subDag.leader.digest)
    if (signedAt !== undefined) this.messageDelays.push((this.#clock.now() - signedAt) / this.#unitMs)
    for (const { ref, block } of subDag.blocks) {
      if (ref.author !== validator) continue
      for (const transaction of block.transactions) {
        const latency = this.#transactions.delivered(transaction)
        if (latency !== undefined) this.latencies.push(latency)
      }
    }
  }

  /** Safety broke in a way that the sequences do not show. Only the first text is kept. */
  broke(text: string): void {
    this.#fault ??= text
  }
}

/**
 * Every transaction of the load from submission to delivery. A transaction is its number (`uint32`, little-endian),
 * a mark, and filler up to its size.
 */
export class TransactionBook {
  readonly #clock: Clock
  readonly #submittedAt: number[] = []
  readonly #takers: number[] = []
  readonly #state: number[] = []
  #orderedCount = 0
  #doubledCount = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get submitted(): number {
    return this.#takers.length
  }

  /** Different transactions in the sequence so far. */
  get orderedCount(): number {
    return this.#orderedCount
  }

  get doubled(): number {
    return this.#doubledCount
  }

  /** A new transaction for a validator to take. */
  create(validator: number, size: number): { id: number; bytes: Uint8Array } {
    const id = this.#takers.push(validator) - 1
    this.#submittedAt.push(this.#clock.now())
    this.#state.push(0)
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, id, true)
    view.setUint32(4, mark, true)
    return { id, bytes }
  }

  acknowledged(id: number): void {
    this.#state[id]! |= acknowledgedBit
  }

  ordered(bytes: Uint8Array): void {
    const id = this.#idOf(bytes)
    if (id === undefined) return
    if ((this.#state[id]! & orderedBit) !== 0) this.#doubledCount++
    else this.#orderedCount++
    this.#state[id]! |= orderedBit
  }

  /** Milliseconds since submission, the first time that the validator that took it delivers it. */
  delivered(bytes: Uint8Array): number | undefined {
    const id = this.#idOf(bytes)
    if (id === undefined || (this.#state[id]! & deliveredBit) !== 0) return undefined
    this.#state[id]! |= deliveredBit
    return this.#clock.now() - this.#submittedAt[id]!
  }

  /** Acknowledged transactions not yet ordered, of the validators that keep their promises. */
  pending(keepsPromises: (validator: number) => boolean): number {
    let count = 0
    for (let id = 0; id < this.#state.length; id++) {
      if ((this.#state[id]! & (acknowledgedBit | orderedBit)) !== acknowledgedBit) continue
      if (keepsPromises(this.#takers[id]!)) count++
    }
    return count
  }

  counts(keepsPromises: (validator: number) => boolean): TransactionCounts {
    return {
      submitted: this.submitted,
      ordered: this.#orderedCount,
      doubled: this.#doubledCount,
      lost: this.pending(keepsPromises),
    }
  }

  #idOf(bytes: Uint8Array): number | undefined {
    if (bytes.length < minTransactionBytes) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const id = view.getUint32(0, true)
    return view.getUint32(4, true) === mark && id < this.#takers.length ? id : undefined
  }
}

const mark = 0x6472_6177
const acknowledgedBit = 1
const orderedBit = 2
const deliveredBit = 4

/** Shortest transaction of the load, in bytes. */
export const minTransactionBytes = 8
