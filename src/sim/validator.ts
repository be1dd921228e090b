import type { CommittedSubDag } from '../consensus/types.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import type { Disk, PeerNetwork, SubmitResult } from '../replica/seams.ts'
import type { ReplicaStatus } from '../replica/status.ts'
import { type DiskFate, VirtualDisk } from './disk.ts'
import type { Station, VirtualNetwork } from './network.ts'
import { Process } from './process.ts'

/** What one life of a validator is given. */
export interface Surroundings {
  readonly own: number
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly network: PeerNetwork
  /** Durable place of the consumer, and where committed sub-DAGs go. */
  readonly cursor: () => number
  readonly cursorDigest: () => string | undefined
  readonly deliver: (subDag: CommittedSubDag, done: () => void) => void
  /** The replica gave up. */
  readonly failed: (error: unknown) => void
}

/** A replica as the simulation drives it. */
export interface Running {
  submit(transaction: Uint8Array, done: (result: SubmitResult) => void): void
  status(): ReplicaStatus
}

/** What a validator needs from its simulation. */
export interface ValidatorSeams {
  readonly clock: Clock
  readonly random: Random
  readonly network: VirtualNetwork
  readonly syncMs: number
  /** Milliseconds its consumer takes for a sub-DAG. */
  readonly consumerMs: number
  /** Starts a replica; the last thing that happens in a life's first moment. */
  readonly spawn: (surroundings: Surroundings) => Running
  readonly delivered: (subDag: CommittedSubDag) => void
  /** The process threw: a bug of ours, or the consequence of cheating. */
  readonly broke: (reason: string) => void
}

/** One machine: a disk and a consumer that last, and processes that come and go on it. */
export class Validator {
  readonly number: number
  readonly #seams: ValidatorSeams
  readonly #disk: VirtualDisk
  #process: Process | undefined
  #station: Station | undefined
  #replica: Running | undefined
  #comingBack: Timer | undefined
  #cursor = 0
  #cursorDigest: string | undefined
  #consumerFreeAt = 0

  constructor(number: number, seams: ValidatorSeams) {
    this.number = number
    this.#seams = seams
    this.#disk = new VirtualDisk(seams.clock, seams.random, seams.syncMs)
  }

  get up(): boolean {
    return this.#replica !== undefined
  }

  /** Whether a start is already on its way. */
  get comingBack(): boolean {
    return this.#comingBack !== undefined
  }

  start(): void {
    if (this.#process !== undefined) return
    const { clock, network, spawn, random } = this.#seams
    const process = new Process(clock, (thrown) => this.#broke(thrown))
    const station = network.join(this.number, process.enter)
    this.#process = process
    this.#station = station
    process.enter(() => {
      this.#replica = spawn({
        own: this.number,
        clock: process.clock,
        random,
        disk: this.#disk.open(process.enter),
        network: station,
        cursor: () => this.#cursor,
        cursorDigest: () => this.#cursorDigest,
        deliver: (subDag, done) => this.#deliver(process, subDag, done),
        failed: (error) => this.#broke(error),
      })
    })
  }

  /** Kills the process at this instant. A start that was on its way does not come. */
  crash(fate: DiskFate): void {
    this.#seams.clock.clear(this.#comingBack)
    this.#comingBack = undefined
    this.#process?.kill()
    this.#station?.die()
    this.#process = undefined
    this.#station = undefined
    this.#replica = undefined
    this.#consumerFreeAt = 0
    this.#disk.crash(fate)
    if (fate !== 'wiped') return
    this.#cursor = 0
    this.#cursorDigest = undefined
  }

  /** Starts again after `ms`. */
  comeBack(ms: number): void {
    this.#comingBack = this.#seams.clock.after(ms, () => {
      this.#comingBack = undefined
      this.start()
    })
  }

  submit(transaction: Uint8Array, done: (result: SubmitResult) => void): void {
    const process = this.#process
    const replica = this.#replica
    if (process === undefined || replica === undefined) done('stopped')
    else process.enter(() => replica.submit(transaction, done))
  }

  status(): ReplicaStatus | undefined {
    return this.#replica?.status()
  }

  #deliver(process: Process, subDag: CommittedSubDag, done: () => void): void {
    const { clock, consumerMs, delivered } = this.#seams
    delivered(subDag)
    const acknowledge = (): void => {
      if (process.dead) return
      const { index, digest } = subDag.commitRef
      if (index > this.#cursor) this.#cursorDigest = digest
      this.#cursor = Math.max(this.#cursor, index)
      process.enter(done)
    }
    if (consumerMs === 0) {
      acknowledge()
      return
    }
    this.#consumerFreeAt = Math.max(this.#consumerFreeAt, clock.now()) + consumerMs
    clock.after(this.#consumerFreeAt - clock.now(), acknowledge)
  }

  #broke(thrown: unknown): void {
    this.crash('kept')
    this.#seams.broke(thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown))
  }
}
