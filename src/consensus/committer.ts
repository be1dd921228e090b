import { InvariantError } from '../core/errors.ts'
import type { Dag, DagNode } from './dag.ts'
import { LeaderTracker, type Thresholds, type Verdict } from './leader-tracker.ts'
import type { AuthorityIndex, Round, Slot } from './types.ts'

/** The shape of the protocol: which rounds have leaders and when they are judged. */
export interface CommitRule extends Thresholds {
  readonly stakes: readonly number[]
  /** Rounds of a wave, leader's and decision round included; at least 3. */
  readonly waveLength: number
  readonly leadersPerRound: number
  /** A leader in every round, or only in rounds that `waveLength` divides. */
  readonly pipelined: boolean
  /** The `offset`-th leader of a round. */
  leader(round: Round, offset: number): AuthorityIndex
}

/** A place in the order of decisions. */
export interface LeaderPosition {
  readonly round: Round
  readonly offset: number
}

/** One leader's fate. `block` is set when it is committed. */
export interface Decision extends LeaderPosition {
  readonly slot: Slot
  readonly direct: boolean
  readonly block: DagNode | undefined
}

const noTrackers: readonly LeaderTracker[] = []

/**
 * Decides leaders by the shape of the DAG alone. Tell it of every block once, after its ancestors, then ask.
 *
 * Votes, blames and certificates are counted as blocks come in, so that asking costs no walk: a leader that its own wave
 * decides is a lookup, and only a leader decided by an anchor walks the rounds in between, once.
 */
export class Committer {
  readonly #dag: Dag
  readonly #rule: CommitRule
  readonly #rounds = new Map<Round, readonly LeaderTracker[]>()
  #floor: Round = 0
  #highest: Round = 0
  #known: readonly Decision[] = []
  #knownAfter: LeaderPosition | undefined
  #changed = false

  constructor(dag: Dag, rule: CommitRule) {
    if (rule.waveLength < 3) throw new InvariantError('A wave has at least 3 rounds.', { waveLength: rule.waveLength })
    this.#dag = dag
    this.#rule = rule
  }

  /** Counts a new block of the DAG. */
  observe(node: DagNode): void {
    const { waveLength } = this.#rule
    node.votes = []
    const voted = node.round - waveLength + 2
    for (let round = node.round - 1; round >= voted; round--) {
      for (const tracker of this.#trackersAt(round)) {
        if (tracker.vote(node) === undefined && round === voted) this.#count(tracker, () => tracker.blame(node))
      }
    }
    for (const tracker of this.#trackersAt(voted - 1)) this.#count(tracker, () => tracker.certify(node))
  }

  #count(tracker: LeaderTracker, count: () => void): void {
    const before = tracker.isDirect
    count()
    if (before !== tracker.isDirect) this.#changed = true
  }

  #trackersAt(round: Round): readonly LeaderTracker[] {
    if (round <= this.#floor || !this.#hasLeaders(round)) return noTrackers
    const known = this.#rounds.get(round)
    if (known !== undefined) return known
    const { leadersPerRound, stakes } = this.#rule
    const made = Array.from({ length: leadersPerRound }, (_, offset) => {
      const slot = { round, author: this.#rule.leader(round, offset) }
      return new LeaderTracker(slot, offset, leadersPerRound, stakes, this.#rule)
    })
    this.#rounds.set(round, made)
    if (round > this.#highest) this.#highest = round
    return made
  }

  #hasLeaders(round: Round): boolean {
    return this.#rule.pipelined || round % this.#rule.waveLength === 0
  }

  /**
   * The longest run of decided leaders after `last`, in order of round and offset. Asking twice gives the same answer;
   * a verdict never changes, except that *indirect* may become *direct*.
   */
  decide(last: LeaderPosition = { round: 0, offset: this.#rule.leadersPerRound - 1 }): readonly Decision[] {
    const same = last.round === this.#knownAfter?.round && last.offset === this.#knownAfter.offset
    if (same && !this.#changed) return this.#known
    this.#known = this.#decideAfter(last)
    this.#knownAfter = last
    this.#changed = false
    return this.#known
  }

  #decideAfter(last: LeaderPosition): readonly Decision[] {
    const step = this.#rule.pipelined ? 1 : this.#rule.waveLength
    const lowest = Math.ceil(Math.max(last.round, 1) / step) * step
    const leaders: (LeaderTracker | undefined)[] = []
    for (let round = lowest; round <= this.#highest; round += step) leaders.push(...this.#leadersOf(round))
    const verdicts = this.#judge(leaders)
    return this.#prefixAfter(last, lowest, step, leaders, verdicts)
  }

  #leadersOf(round: Round): readonly (LeaderTracker | undefined)[] {
    return this.#rounds.get(round) ?? new Array<undefined>(this.#rule.leadersPerRound).fill(undefined)
  }

  /** From the highest leader down, so that anchors are judged before those who need them. */
  #judge(leaders: readonly (LeaderTracker | undefined)[]): readonly (Verdict | undefined)[] {
    const count = leaders.length
    const perRound = this.#rule.leadersPerRound
    const wave = this.#rule.pipelined ? this.#rule.waveLength : 1
    const verdicts = new Array<Verdict | undefined>(count).fill(undefined)
    // notSkipped[i]: the first leader from i on that is not skipped.
    const notSkipped = new Array<number>(count + 1).fill(count)
    for (let at = count - 1; at >= 0; at--) {
      const tracker = leaders[at]
      const anchorAt = notSkipped[Math.min(count, at - (at % perRound) + wave * perRound)] ?? count
      const verdict = tracker?.isDirect ? tracker.verdict : this.#byAnchor(tracker, verdicts[anchorAt]?.block)
      const skipped = verdict !== undefined && verdict.block === undefined
      verdicts[at] = verdict
      notSkipped[at] = skipped ? (notSkipped[at + 1] ?? count) : at
    }
    return verdicts
  }

  #byAnchor(tracker: LeaderTracker | undefined, anchor: DagNode | undefined): Verdict | undefined {
    if (tracker === undefined || anchor === undefined) return undefined
    return tracker.decideByAnchor(() => this.#reach(anchor, tracker.slot.round + this.#rule.waveLength - 1))
  }

  /** Marks what `from` reaches down to `lowest`; the answer tells whether a block of that round is marked. */
  #reach(from: DagNode, lowest: Round): (node: DagNode) => boolean {
    const stamp = this.#dag.nextStamp()
    const open: DagNode[] = [from]
    from.stamp = stamp
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const parent of node.parents) {
        if (parent.round < lowest || parent.stamp === stamp) continue
        parent.stamp = stamp
        if (parent.round > lowest) open.push(parent)
      }
    }
    return (node) => node.stamp === stamp
  }

  #prefixAfter(
    last: LeaderPosition,
    lowest: Round,
    step: number,
    leaders: readonly (LeaderTracker | undefined)[],
    verdicts: readonly (Verdict | undefined)[],
  ): readonly Decision[] {
    const perRound = this.#rule.leadersPerRound
    const decided: Decision[] = []
    for (let at = lowest === last.round ? last.offset + 1 : 0; at < leaders.length; at++) {
      const tracker = leaders[at]
      const verdict = verdicts[at]
      if (tracker === undefined || verdict === undefined) break
      const round = lowest + Math.floor(at / perRound) * step
      const { direct, block } = verdict
      decided.push({ round, offset: at % perRound, slot: tracker.slot, direct, block })
    }
    return decided
  }

  /** Lets go of leaders at or below `round`: they are never asked for again. */
  forget(round: Round): void {
    for (let at = this.#floor + 1; at <= round; at++) this.#rounds.delete(at)
    this.#floor = Math.max(this.#floor, round)
    this.#changed = true
  }

  /**
   * Counts anew from the DAG for leaders above `round`, after {@link CommitRule.leader} began to answer differently. Those
   * up to `round` keep what their own waves say, and are judged by the new anchors.
   */
  recount(round: Round): void {
    for (const [known, trackers] of [...this.#rounds]) {
      if (known > round) this.#rounds.delete(known)
      else for (const tracker of trackers) tracker.forgetAnchor()
    }
    for (let at = round + 1; at <= this.#dag.highestRound; at++) {
      for (const node of this.#dag.blocksAt(at)) this.observe(node)
    }
    this.#changed = true
  }
}
