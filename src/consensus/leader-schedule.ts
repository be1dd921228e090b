import { createHash } from 'node:crypto'
import type { ConsensusParameters } from './parameters.ts'
import type { AuthorityIndex, Round } from './types.ts'

/** A fraction from 0 to 1 that everybody computes alike from whole numbers. */
function draw(...numbers: readonly number[]): number {
  const digest = createHash('sha256')
    .update(`leader ${numbers.join(' ')}`)
    .digest()
  return digest.readUIntBE(0, 6) / 2 ** 48
}

/** Who is swapped out, and who may step in, in rounds above `after`. */
interface SwapTable {
  readonly after: Round
  readonly bad: ReadonlySet<AuthorityIndex>
  readonly good: readonly AuthorityIndex[]
}

/** Authorities from the front of the list, while their stake together is at most `limit`. */
function takeStake(sorted: readonly AuthorityIndex[], stakes: readonly number[], limit: number): AuthorityIndex[] {
  const taken: AuthorityIndex[] = []
  let stake = 0
  for (const author of sorted) {
    stake += stakes[author] ?? 0
    if (stake > limit) break
    taken.push(author)
  }
  return taken
}

type Election = Pick<ConsensusParameters, 'leadersPerRound' | 'leaderElection' | 'swapStakePercent'>

/** The leaders of every round: drawn by stake, then the worst replaced by the best of the last schedule. */
export class LeaderSchedule {
  readonly #stakes: readonly number[]
  readonly #election: Election
  #tables: readonly SwapTable[] = []
  #kept: { readonly round: Round; readonly leaders: readonly AuthorityIndex[] } | undefined
  #lastRound: Round = -1
  #lastLeaders: readonly AuthorityIndex[] = []

  constructor(stakes: readonly number[], election: Election) {
    this.#stakes = stakes
    this.#election = election
  }

  /** The `offset`-th leader of the round. */
  leader(round: Round, offset: number): AuthorityIndex {
    return this.leaders(round)[offset] ?? 0
  }

  /** All leaders of the round, each once. */
  leaders(round: Round): readonly AuthorityIndex[] {
    if (this.#lastRound !== round) {
      this.#lastLeaders = this.#kept?.round === round ? this.#kept.leaders : this.#swap(round, this.#draw(round))
      this.#lastRound = round
    }
    return this.#lastLeaders
  }

  /** The authorities swapped out in the newest schedule and those that may replace them. */
  get swapped(): { readonly bad: readonly AuthorityIndex[]; readonly good: readonly AuthorityIndex[] } {
    const table = this.#tables.at(-1)
    return { bad: [...(table?.bad ?? [])], good: table?.good ?? [] }
  }

  /**
   * Begins a new schedule in the rounds above `after`, the round of the leader whose commit ended the last one.
   *
   * @param commitIndex breaks ties between equal scores
   */
  update(scores: readonly number[], after: Round, commitIndex: number): void {
    const limit = (this.#stakes.reduce((sum, stake) => sum + stake, 0) * this.#election.swapStakePercent) / 100
    const tie = scores.map((_, author) => draw(commitIndex, author))
    const worst = scores.map((_, author) => author)
    worst.sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || (tie[a] ?? 0) - (tie[b] ?? 0))
    const bad = new Set(takeStake(worst, this.#stakes, limit))
    const good = takeStake(worst.toReversed(), this.#stakes, limit).filter((author) => !bad.has(author))
    // Leaders of the round that ended the schedule may still be undecided: they keep the table they were drawn by.
    const older = this.#tables.filter((table) => table.after < after).slice(-1)
    this.#tables = [...older, { after, bad, good }]
    this.#lastRound = -1
  }

  /** Takes up the leaders that a round had in the life before. */
  keep(round: Round, leaders: readonly AuthorityIndex[]): void {
    this.#kept = { round, leaders }
    this.#lastRound = -1
  }

  #draw(round: Round): AuthorityIndex[] {
    const left = this.#stakes.map((_, author) => author)
    return Array.from({ length: Math.min(this.#election.leadersPerRound, left.length) }, (_, offset) => {
      const at = this.#election.leaderElection === 'roundRobin' ? undefined : this.#drawOne(left, round, offset)
      return at === undefined ? (round + offset) % left.length : (left.splice(at, 1)[0] ?? 0)
    })
  }

  #drawOne(left: readonly AuthorityIndex[], round: Round, offset: number): number {
    const total = left.reduce((sum, author) => sum + (this.#stakes[author] ?? 0), 0)
    let rest = Math.floor(draw(round, offset) * total)
    const at = left.findIndex((author) => {
      rest -= this.#stakes[author] ?? 0
      return rest < 0
    })
    return Math.max(at, 0)
  }

  #swap(round: Round, drawn: AuthorityIndex[]): readonly AuthorityIndex[] {
    const table = this.#tables.findLast(({ after }) => round > after)
    if (table === undefined) return drawn
    const leaders = [...drawn]
    drawn.forEach((author, offset) => {
      // One authority must not lead a round twice: its block would be committed twice.
      const free = table.bad.has(author) ? table.good.filter((good) => !leaders.includes(good)) : []
      const stepIn = free[Math.floor(draw(round, offset, 1) * free.length)]
      if (stepIn !== undefined) leaders[offset] = stepIn
    })
    return leaders
  }
}
