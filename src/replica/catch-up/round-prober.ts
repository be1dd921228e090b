import type { Committee } from '../../consensus/committee.ts'
import type { AuthorityIndex, Round } from '../../consensus/types.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { ReplicaParameters } from '../parameters.ts'
import { decodeLatestRounds, MalformedMessage, method } from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'

/** What a prober needs. */
export interface RoundProberSeams {
  readonly committee: Committee
  readonly own: AuthorityIndex
  readonly clock: Clock
  readonly peers: PeerQuestions
  readonly parameters: ReplicaParameters
  /** A delay above it is measured again soon: it keeps us from proposing. */
  readonly maxPropagationDelay: Round
  readonly lastProposedRound: () => Round
  /** Rounds by which a quorum lags behind our blocks. */
  readonly onDelay: (rounds: Round) => void
  readonly onMalformed: (from: AuthorityIndex) => void
}

/** How far a peer was behind our blocks: `proposed` was our last round when it was asked. */
interface Lag {
  readonly proposed: Round
  readonly rounds: Round
}

/** While we pause because of a delay, it is measured this much more often. */
const hurry = 10

/** Asks the peers how far our blocks have come, so that we do not run away from a committee that cannot hear us. */
export class RoundProber {
  readonly #seams: RoundProberSeams
  /** By authority, what its newest answer told; undefined until it answered. */
  readonly #lags: (Lag | undefined)[]
  #timer: Timer | undefined
  #delayed = false
  #stopped = false

  constructor(seams: RoundProberSeams) {
    this.#seams = seams
    this.#lags = Array.from({ length: seams.committee.size })
  }

  start(): void {
    if (this.#stopped) return
    const { clock, parameters } = this.#seams
    const interval = parameters.roundProbeIntervalMs / (this.#delayed ? hurry : 1)
    this.#timer = clock.after(interval, () => {
      this.#probe()
      this.start()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#seams.clock.clear(this.#timer)
  }

  #probe(): void {
    const { peers, parameters, lastProposedRound } = this.#seams
    const proposed = lastProposedRound()
    for (const peer of peers.connected) {
      peers.ask(peer, method.latestRounds, new Uint8Array(0), parameters.roundProbeTimeoutMs, (answer) => {
        if (answer !== undefined) this.#take(peer, answer, proposed)
      })
    }
  }

  // An answer says how far our blocks had come when we asked: what we proposed since has had no time to arrive, and on a
  // slow link that is many rounds.
  #take(peer: AuthorityIndex, answer: Uint8Array, proposed: Round): void {
    const { committee, own, onMalformed } = this.#seams
    try {
      const { received } = decodeLatestRounds(answer, committee.size)
      if (proposed < (this.#lags[peer]?.proposed ?? 0)) return
      this.#lags[peer] = { proposed, rounds: Math.max(0, proposed - (received[own] ?? 0)) }
      this.#judge()
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      onMalformed(peer)
    }
  }

  /** Peers that never answered say nothing: a validator that has just started is not delayed. */
  #judge(): void {
    const { committee, own, maxPropagationDelay, onDelay } = this.#seams
    const lags = this.#lags.flatMap((lag, author) => (lag === undefined ? [] : { author, rounds: lag.rounds }))
    lags.push({ author: own, rounds: 0 })
    lags.sort((a, b) => a.rounds - b.rounds)
    let stake = 0
    for (const { author, rounds } of lags) {
      stake += committee.stake(author)
      if (stake < committee.quorum) continue
      this.#pace(rounds > maxPropagationDelay)
      onDelay(rounds)
      return
    }
  }

  #pace(delayed: boolean): void {
    if (delayed === this.#delayed) return
    this.#delayed = delayed
    this.#seams.clock.clear(this.#timer)
    this.start()
  }
}
