import type { Committee } from '../consensus/committee.ts'
import type { ConsensusParameters } from '../consensus/parameters.ts'
import type { AuthorityIndex, ConsensusSeams, SealedCommit, SignedBlock } from '../consensus/types.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import type { Submitted } from './door/transaction-queue.ts'
import type { ReplicaParameters } from './parameters.ts'
import { RunningReplica } from './running-replica.ts'
import type { CommitConsumer, Disk, PeerNetwork, Verifier } from './seams.ts'
import type { ReplicaStatus } from './status.ts'

/** What a replica is made of. */
export interface ReplicaOptions {
  readonly committee: Committee
  readonly own: AuthorityIndex
  /** ed25519 over the 32 bytes of a signing root, with the own protocol key. */
  readonly sign: (signingRoot: Uint8Array) => Uint8Array
  /** The committee agrees on these. */
  readonly parameters: ConsensusParameters
  /** Own ways; defaults for what is left out. */
  readonly replica?: Partial<ReplicaParameters> | undefined
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly network: PeerNetwork
  readonly verifier: Verifier
  readonly consumer: CommitConsumer
  /** Positions of transactions to vote against; see {@link ConsensusSeams}. */
  readonly judge?: ((block: SignedBlock) => readonly number[]) | undefined
  readonly log: Log
  /** The replica cannot go on: its disk failed, or an invariant broke. It has hung up; called once. */
  readonly failed: (error: unknown) => void
}

/** One running validator. */
export interface Replica {
  /**
   * Recovers, listens and takes part. `ready` comes once, with an error when the port is taken.
   * @throws DrawbridgeError when the log cannot be used.
   */
  start(ready?: (error?: Error) => void): void
  /** Offers a transaction; `done` is called once. Accepted ones end in an own block, and so in the sequence. */
  submit(transaction: Uint8Array, done: Submitted): void
  /** What operators see. */
  status(): ReplicaStatus
  /** The last commit, once there is one. */
  head(): SealedCommit | undefined
  /** Hangs up, syncs and lets go of the disk. */
  stop(done: () => void): void
}

/**
 * A validator: performs the effects of the consensus step machine on the given disk and network, and feeds it what
 * happens there. The same code runs in the program and in the simulator.
 *
 * @example
 * const replica = createReplica(options)
 * replica.start()
 * replica.submit(transaction, (result) => console.log(result)) // 'included' once it cannot be lost
 */
export function createReplica(options: ReplicaOptions): Replica {
  return new RunningReplica(options)
}
