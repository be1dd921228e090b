import type { CommittedSubDag } from '../consensus/types.ts'
import { DrawbridgeError } from '../core/errors.ts'
import type { CommitConsumer } from './seams.ts'

/** What a delivery needs. */
export interface DeliverySeams {
  readonly consumer: CommitConsumer
  /** A sub-DAG from the log; undefined when it is not kept. */
  readonly read: (index: number) => CommittedSubDag | undefined
  /** Digest of a commit in the log; undefined when it is not kept. */
  readonly digestOf: (index: number) => string | undefined
  readonly maxUnacknowledgedCommits: number
  readonly maxDeliveredBytes: number
  /** The consumer has fallen far behind, or has caught up. */
  readonly onBackpressure: (on: boolean) => void
  /** The sequence cannot go on: nothing more is delivered. */
  readonly failed: (error: unknown) => void
}

/**
 * Hands sub-DAGs to the consumer in order, a bounded number of bytes at a time. What does not fit stays on the disk
 * and is read back when there is room; a restart continues the same way, after the consumer's cursor.
 */
export class Delivery {
  readonly #seams: DeliverySeams
  readonly #inFlight = new Map<number, number>()
  #inFlightBytes = 0
  /** Where the consumer stood at the start. */
  readonly #cursor: number
  readonly #cursorDigest: string | undefined
  #acknowledged: number
  #next: number
  /** Highest commit that is safe on the disk. */
  #ready = 0
  #pressed = false
  #busy = false

  constructor(seams: DeliverySeams) {
    this.#seams = seams
    this.#cursor = seams.consumer.cursor()
    this.#cursorDigest = seams.consumer.cursorDigest?.()
    this.#acknowledged = this.#cursor
    this.#next = this.#acknowledged + 1
  }

  /** The last commit that the consumer holds. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Commits on the disk that the consumer has not acknowledged. */
  get backlog(): number {
    return Math.max(0, this.#ready - this.#acknowledged)
  }

  /** What the log held at the start: delivers the part the consumer lacks. */
  recovered(lastDelivered: number): void {
    const cursor = this.#cursor
    const known = cursor > 0 && cursor <= lastDelivered ? this.#seams.digestOf(cursor) : undefined
    if (known !== undefined && !this.#isSameSequence(known)) return
    this.#ready = Math.max(this.#ready, lastDelivered)
    this.#pump()
  }

  /** A new sub-DAG whose commit is synced. */
  add(subDag: CommittedSubDag): void {
    const { index, digest } = subDag.commitRef
    // The log was lost, or is another committee's: it comes to where the consumer stands.
    if (index === this.#cursor && !this.#isSameSequence(digest)) return
    this.#ready = Math.max(this.#ready, index)
    // Older ones that did not fit come first; this one will be read back after them.
    if (index === this.#next && this.#hasRoom) this.#hand(subDag)
    this.#pump()
  }

  /** What the consumer holds last has to be what the committee committed there, or all that follows belongs elsewhere. */
  #isSameSequence(digest: string): boolean {
    if (this.#cursorDigest === undefined || this.#cursorDigest === digest) return true
    this.#seams.failed(
      new DrawbridgeError(
        'CONSUMER_OF_ANOTHER_SEQUENCE',
        `The consumer holds another commit ${this.#cursor} than the committee: it has followed another sequence.`,
        { nextStep: 'Give every committee a file of commits of its own; move this one away to begin anew.' },
      ),
    )
    return false
  }

  get #hasRoom(): boolean {
    return this.#inFlight.size === 0 || this.#inFlightBytes < this.#seams.maxDeliveredBytes
  }

  #pump(): void {
    if (this.#busy) return
    this.#busy = true
    try {
      while (this.#next <= this.#ready && this.#hasRoom) this.#hand(this.#read(this.#next))
    } catch (error) {
      this.#seams.failed(error)
    } finally {
      this.#busy = false
    }
    this.#press()
  }

  #read(index: number): CommittedSubDag {
    const subDag = this.#seams.read(index)
    if (subDag !== undefined) return subDag
    throw new DrawbridgeError('HISTORY_GONE', `The log does not hold commit ${index} any more.`, {
      nextStep: 'The consumer went back behind what it had acknowledged: restore its data, or its cursor.',
    })
  }

  #hand(subDag: CommittedSubDag): void {
    const { index } = subDag.commitRef
    const bytes = subDag.blocks.reduce((sum, block) => sum + block.bytes.length, 0)
    this.#next = index + 1
    this.#inFlight.set(index, bytes)
    this.#inFlightBytes += bytes
    this.#seams.consumer.deliver(subDag, () => this.#acknowledge(index))
  }

  #acknowledge(index: number): void {
    if (index <= this.#acknowledged) return
    for (let done = this.#acknowledged + 1; done <= index; done++) {
      this.#inFlightBytes -= this.#inFlight.get(done) ?? 0
      this.#inFlight.delete(done)
    }
    this.#acknowledged = index
    this.#pump()
  }

  #press(): void {
    const { maxUnacknowledgedCommits, onBackpressure } = this.#seams
    const limit = this.#pressed ? maxUnacknowledgedCommits / 2 : maxUnacknowledgedCommits
    const pressed = this.backlog > limit
    if (pressed === this.#pressed) return
    this.#pressed = pressed
    onBackpressure(pressed)
  }
}
