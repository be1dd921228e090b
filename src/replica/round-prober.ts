import type { Committee } from '../consensus/committee.ts'
import type { AuthorityIndex, Round } from '../consensus/types.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { decodeLatestRounds, MalformedMessage, method } from './messages.ts'
import type { ReplicaParameters } from './parameters.ts'
import type { PeerQuestions } from './peers.ts'

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

/** While we pause because of a delay, it is measured this much more often. */
const hurry = 10

/** Asks the peers how far our blocks have come, so that we do not run away from a committee that cannot hear us. */
export class RoundProber {
  readonly #seams: RoundProberSeams
  /** By authority, our highest round that it has told us it received; undefined until it told. */
  readonly #received: (Round | undefined)[]
  #timer: Timer | undefined
  #delayed = false
  #stopped = false

  constructor(seams: RoundProberSeams) {
    this.#seams = seams
    this.#received = Array.from({ length: seams.committee.size })
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
    const { peers, parameters } = this.#seams
    for (const peer of peers.connected) {
      peers.ask(peer, method.latestRounds, new Uint8Array(0), parameters.roundProbeTimeoutMs, (answer) => {
        if (answer !== undefined) this.#take(peer, answer)
      })
    }
  }

  #take(peer: AuthorityIndex, answer: Uint8Array): void {
    const { committee, own, onMalformed } = this.#seams
    try {
      const { received } = decodeLatestRounds(answer, committee.size)
      this.#received[peer] = Math.max(this.#received[peer] ?? 0, received[own] ?? 0)
      this.#judge()
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      onMalformed(peer)
    }
  }

  /** Peers that never answered say nothing: a validator that has just started is not delayed. */
  #judge(): void {
    const { committee, own, lastProposedRound, maxPropagationDelay, onDelay } = this.#seams
    const proposed = lastProposedRound()
    const rounds = this.#received.map((round, author) => ({ author, round: author === own ? proposed : round }))
    const known = rounds.filter((one): one is { author: number; round: number } => one.round !== undefined)
    known.sort((a, b) => b.round - a.round)
    let stake = 0
    for (const { author, round } of known) {
      stake += committee.stake(author)
      if (stake < committee.quorum) continue
      const delay = Math.max(0, proposed - round)
      this.#pace(delay > maxPropagationDelay)
      onDelay(delay)
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
