import type { AuthorityIndex, ConsensusStatus } from '../consensus/types.ts'
import type { IntakeRefusal } from './peers/block-intake.ts'

/** Blocks and messages refused from one peer for one reason. */
export interface Refused {
  readonly from: AuthorityIndex
  readonly reason: IntakeRefusal
  readonly count: number
}

/** What operators see of a replica: the state of consensus and of its surroundings. */
export interface ReplicaStatus extends Omit<ConsensusStatus, 'refused'> {
  readonly authority: AuthorityIndex
  readonly epoch: number
  /** True while the committee is asked for our last round, because our disk does not know it for sure. */
  readonly asksForOwnRound: boolean
  /** `connected`: we reach it. `subscribed`: it takes our blocks. */
  readonly peers: readonly {
    readonly peer: AuthorityIndex
    readonly connected: boolean
    readonly subscribed: boolean
  }[]
  /** Transactions that wait for an own block. */
  readonly queue: { readonly transactions: number; readonly bytes: number }
  /** What the consumer has acknowledged, and how many commits it is behind. */
  readonly delivery: { readonly acknowledged: number; readonly backlog: number }
  /** The oldest commit that a lagging peer can still get from us; 0 when there is none. */
  readonly firstCommitKept: number
  /** Commits that came by commit sync. */
  readonly commitsFetched: number
  readonly refused: readonly Refused[]
  /** What peers have cost since the start: blocks taken apart, and signatures checked. */
  readonly intake: { readonly decoded: number; readonly checked: number }
}

/** Counts refusals by peer and reason: at most one entry for each pair. */
export class RefusalCounter {
  readonly #counts = new Map<string, { from: AuthorityIndex; reason: IntakeRefusal; count: number }>()

  count(from: AuthorityIndex, reason: IntakeRefusal, by = 1): void {
    const key = `${from} ${reason}`
    const known = this.#counts.get(key)
    if (known === undefined) this.#counts.set(key, { from, reason, count: by })
    else known.count += by
  }

  /** Our counts together with those of somebody else. */
  with(others: readonly Refused[]): readonly Refused[] {
    const sum = new RefusalCounter()
    for (const { from, reason, count } of [...this.#counts.values(), ...others]) sum.count(from, reason, count)
    return [...sum.#counts.values()]
  }
}
