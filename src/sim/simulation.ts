import type { Committee } from '../consensus/committee.ts'
import type { ConsensusParameters } from '../consensus/parameters.ts'
import type { CommittedSubDag, LeaderCounts } from '../consensus/types.ts'
import type { Random } from '../core/random.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import type { ReplicaParameters } from '../replica/parameters.ts'
import type { ReplicaStatus } from '../replica/status.ts'
import { Burdens } from './burden.ts'
import { type CheatFault, type Fault, isCheat, isProcessFault, type ProcessFault, restartMs } from './faults.ts'
import { Judge } from './judge.ts'
import type { Latency } from './latency.ts'
import { Load } from './load.ts'
import { Picture } from './picture.ts'
import { quantilesOf } from './quantiles.ts'
import type { SimulationResult } from './report.ts'
import type { SignatureKind } from './signatures.ts'
import { readTimeline, type Timeline } from './timeline.ts'
import type { Validator } from './validator.ts'
import { type Watchers, World } from './world.ts'

/** Virtual milliseconds after the load in which all that was acknowledged must be ordered. */
const patienceMs = 10_000

/** What to simulate. */
export interface SimulationOptions {
  readonly validators: number
  /** Stake of each; 1 for who is left out. */
  readonly stakes?: readonly number[]
  readonly seed: number
  readonly latency: Latency
  /** Transactions per second over the whole committee. */
  readonly load: number
  readonly forMs: number
  readonly faults: readonly Fault[]
  readonly leaders: number
  /** Whether the committee votes on transactions. */
  readonly votes?: boolean
  /** Default `ed25519`. */
  readonly signatures?: SignatureKind
  /** Bytes of a transaction, from 8; default 32. The simulated network has no bandwidth to run out of. */
  readonly transactionBytes?: number
  /** How long a disk takes to sync; default 0.05. */
  readonly syncMs?: number
  readonly parameters?: Partial<ConsensusParameters>
  readonly replica?: Partial<ReplicaParameters>
  /** Keep a picture of the DAG if it stays small. */
  readonly picture?: boolean
}

/** Where a run stands. */
export interface Progress {
  readonly seconds: number
  readonly ofSeconds: number
  readonly rounds: number
  readonly commits: number
  readonly ordered: number
}

/**
 * Makes a committee under virtual time: the real consensus and replica code on a virtual clock, network and disks.
 *
 * @throws SimulationUsageError when a fault lies outside of the run
 * @example
 * const simulation = createSimulation({ validators: 4, seed: 1, latency: presetLatency('lan', 4), load: 1000, forMs: 60_000, faults: [], leaders: 1 })
 * while (simulation.advance(100)) {}
 * console.log(simulation.result(0).report.safety) // ok
 */
export function createSimulation(options: SimulationOptions): Simulation {
  return new Simulation(options)
}

/** One run. Nothing in it waits: {@link Simulation.advance} does a piece of it, as fast as the machine can. */
export class Simulation {
  readonly #options: SimulationOptions
  readonly #clock = new VirtualClock()
  readonly #timeline: Timeline
  readonly #judge: Judge
  readonly #load: Load
  readonly #committee: Committee
  readonly #burdens: Burdens
  readonly #loadRandom: Random
  readonly #picture: Picture | undefined
  readonly #validators: readonly Validator[]
  readonly #cheats: ReadonlyMap<number, readonly CheatFault[]>
  readonly #wiped = new Set<number>()
  /** The highest round an honest validator reached. */
  #rounds = 0
  #loading = true
  #finished = false

  constructor(options: SimulationOptions) {
    const { validators, latency, forMs, faults, load } = options
    const world = new World(options, this.#clock)
    this.#options = options
    this.#committee = world.committee
    this.#burdens = new Burdens(validators, world.parameters)
    this.#timeline = readTimeline(faults, forMs, validators)
    this.#judge = new Judge(this.#clock, validators, latency.unitMs)
    this.#cheats = Map.groupBy(faults.filter(isCheat), ({ validator }) => validator)
    this.#picture = options.picture === true ? new Picture(validators) : undefined
    this.#loadRandom = world.fork()
    this.#validators = Array.from({ length: validators }, (_, number) =>
      world.validator(number, this.#watchers(number), this.#cheats.get(number) ?? []),
    )
    for (const validator of this.#validators) validator.start()
    for (const fault of faults) if (isProcessFault(fault)) this.#clock.after(fault.atMs, () => this.#strike(fault))
    this.#load = new Load(this.#clock, load, () => this.#submit())
    this.#load.start()
  }

  /** Runs `ms` of virtual time; false once the run is over. */
  advance(ms: number): boolean {
    if (this.#finished) return false
    const { forMs } = this.#options
    const end = this.#clock.now() + ms
    if (this.#loading && end >= forMs) {
      this.#clock.advance(forMs - this.#clock.now())
      this.#load.stop()
      this.#loading = false
    }
    this.#clock.advance(Math.max(0, end - this.#clock.now()))
    this.#weigh()
    this.#finished = !this.#loading && (this.#settled() || this.#clock.now() >= this.#quietFromMs + patienceMs)
    return !this.#finished
  }

  progress(): Progress {
    return {
      seconds: this.#clock.now() / 1000,
      ofSeconds: this.#options.forMs / 1000,
      rounds: this.#rounds,
      commits: this.#judge.commits,
      ordered: this.#judge.transactions.orderedCount,
    }
  }

  /** The findings so far. `wallSeconds` is what the caller measured. */
  result(wallSeconds: number): SimulationResult {
    const { validators, seed, latency, forMs } = this.#options
    const { p50, p99 } = quantilesOf(this.#judge.messageDelays)
    const statuses = this.#honestStatuses()
    return {
      report: {
        seed,
        validators,
        virtualSeconds: this.#clock.now() / 1000,
        wallSeconds,
        rounds: this.#rounds,
        commits: this.#judge.commits,
        leaders: mostDecided(statuses),
        transactions: this.#judge.transactions.counts((validator) => this.#keepsPromises(validator)),
        latencyMs: quantilesOf(this.#judge.latencies),
        messageDelays: { p50, p99 },
        equivocations: Math.max(0, ...statuses.map((status) => status.equivocations)),
        safety: this.#judge.safety,
        liveness: this.#live() ? 'ok' : 'stalled',
        digest: this.#judge.digest,
      },
      loadSeconds: forMs / 1000,
      unitMs: latency.unitMs,
      faulty: this.#stakeOf(this.#timeline.faulty),
      bearable: this.#committee.totalStake - this.#committee.quorum,
      burden: this.#burdens.worst,
      picture: this.#picture?.render(),
    }
  }

  #stakeOf(validators: Iterable<number>): number {
    return [...validators].reduce((sum, validator) => sum + this.#committee.stake(validator), 0)
  }

  #weigh(): void {
    const statuses = this.#honestStatuses()
    for (const { round } of statuses) this.#rounds = Math.max(this.#rounds, round)
    for (const status of statuses) {
      const tooMuch = this.#burdens.look(status, this.#clock.now() / 1000, this.#rounds)
      if (tooMuch !== undefined) this.#judge.broke(tooMuch)
    }
  }

  get #quietFromMs(): number {
    return Math.max(this.#options.forMs, this.#timeline.quietFromMs)
  }

  // A leader must be committed after the load and the last fault: one that was under way when the committee lost its
  // quorum proves nothing.
  #live(): boolean {
    return this.#judge.lastCommitAtMs > this.#quietFromMs
  }

  #settled(): boolean {
    if (!this.#live() || this.#validators.some((validator) => validator.comingBack)) return false
    return this.#judge.transactions.pending((validator) => this.#keepsPromises(validator)) === 0
  }

  #keepsPromises(validator: number): boolean {
    return !this.#cheats.has(validator) && !this.#wiped.has(validator) && this.#validators[validator]!.up
  }

  #watchers(number: number): Watchers {
    return {
      delivered: (subDag) => this.#delivered(number, subDag),
      signed: (digest) => this.#cheats.has(number) || this.#judge.signed(digest),
      broke: (reason) => this.#broke(number, reason),
    }
  }

  statuses() {
    return this.#honestStatuses()
  }
  #honestStatuses(): ReplicaStatus[] {
    return this.#validators.flatMap((validator) => {
      const status = this.#cheats.has(validator.number) ? undefined : validator.status()
      return status === undefined ? [] : [status]
    })
  }

  #delivered(number: number, subDag: CommittedSubDag): void {
    if (this.#cheats.has(number)) return
    if (subDag.commitRef.index > this.#judge.commits) this.#picture?.add(subDag)
    this.#judge.deliver(number, subDag)
  }

  #broke(number: number, reason: string): void {
    if (!this.#cheats.has(number)) this.#judge.broke(`validator ${number} broke: ${reason}`)
  }

  #strike({ kind, validator: number }: ProcessFault): void {
    const validator = this.#validators[number]!
    if (kind === 'wipe') {
      this.#wiped.add(number)
      this.#judge.forget(number)
    }
    validator.crash(kind === 'torn' ? 'torn' : kind === 'wipe' ? 'wiped' : 'kept')
    if (kind !== 'crash') validator.comeBack(restartMs)
  }

  #submit(): void {
    const takers = this.#validators.filter((validator) => validator.up && !this.#cheats.has(validator.number))
    const taker = takers[this.#loadRandom.int(takers.length)]
    if (taker === undefined) return
    const { transactions } = this.#judge
    const { id, bytes } = transactions.create(taker.number, this.#options.transactionBytes ?? 32)
    taker.submit(bytes, (result) => {
      if (result === 'included') transactions.acknowledged(id)
    })
  }
}

function mostDecided(statuses: readonly ReplicaStatus[]): LeaderCounts {
  const total = (one: LeaderCounts): number =>
    one.committedDirect + one.committedIndirect + one.skippedDirect + one.skippedIndirect
  const none = { committedDirect: 0, committedIndirect: 0, skippedDirect: 0, skippedIndirect: 0 }
  const { committedDirect, committedIndirect, skippedDirect, skippedIndirect } = statuses
    .map((status) => status.leaders)
    .reduce((best, one) => (total(one) > total(best) ? one : best), none)
  return { committedDirect, committedIndirect, skippedDirect, skippedIndirect }
}
