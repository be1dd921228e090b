import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Random, seededRandom } from '../core/random.ts'
import type { CommitRule, LeaderPosition } from './committer.ts'
import { slotName } from './dag-names.ts'
import { decisionText, GrowingDag, type TextDecision } from './text-dag.ts'

const names = (authors: string, round: number): string[] => [...authors].map((author) => `${author}${round}`)

function ruleFor(size: number, more: Partial<CommitRule> = {}): CommitRule {
  const quorum = Math.floor((2 * size) / 3) + 1
  return {
    stakes: new Array<number>(size).fill(1),
    waveLength: 3,
    leadersPerRound: 1,
    pipelined: false,
    directCommitQuorum: quorum,
    directSkipQuorum: quorum,
    certificateQuorum: quorum,
    anchorLink: 1,
    leader: (round, offset) => (round + offset) % size,
    ...more,
  }
}

/** Four authorities A to D; the leader of round r is r mod 4. */
class Four extends GrowingDag {
  constructor(more: Partial<CommitRule> = {}) {
    super(4, ruleFor(4, more))
  }

  /** Full rounds, everybody linking everybody. */
  full(from: number, to: number): this {
    for (let round = from; round <= to; round++) this.some('ABCD', round, names('ABCD', round - 1))
    return this
  }

  /** Blocks of these authors with the same parents. */
  some(authors: string, round: number, parents: readonly string[]): this {
    for (const name of names(authors, round)) this.add(name, parents)
    return this
  }

  after(last: LeaderPosition): readonly TextDecision[] {
    return this.committer.decide(last).map(decisionText)
  }
}

const direct = (name: string): TextDecision => ['commit', 'direct', name]

/** Round 13 in which only A, B and one of C's four blocks vote for A12, and round 14 in which all but D certify it. */
function equivocate(dag: Four): Four {
  dag.full(1, 12)
  dag.some('AB', 13, names('ABCD', 12)).some('D', 13, names('BCD', 12))
  dag.add('C13', names('ABCD', 12))
  dag.add("C13'", names('BCD', 12))
  dag.add("C13''", names('CBD', 12))
  dag.add("C13'''", names('DBC', 12))
  for (const name of ['A14', 'B14', 'C14']) dag.add(name, ['A13', 'B13', 'C13', 'D13'])
  dag.add('D14', ['A13', 'B13', "C13'", 'D13'])
  return dag
}

describe('one leader a wave', () => {
  it('commits a leader once its wave is complete', () => {
    const dag = new Four().full(1, 4)
    assert.deepEqual(dag.decisions(), [])
    assert.deepEqual(dag.full(5, 5).decisions(), [direct('D3')])
  })

  it('gives the same answer when asked again', () => {
    const dag = new Four().full(1, 5)
    assert.deepEqual(dag.decisions(), dag.decisions())
    assert.deepEqual(dag.after({ round: 3, offset: 0 }), [])
    assert.deepEqual(dag.after({ round: 2, offset: 0 }), [direct('D3')])
  })

  it('commits wave by wave, and from the last leader on', () => {
    const dag = new Four().full(1, 2)
    for (let round = 3; round <= 30; round += 3) {
      dag.full(round, round + 2)
      const leader = slotName({ round, author: round % 4 })
      assert.deepEqual(dag.after({ round: round - 3, offset: 0 }), [direct(leader)])
    }
  })

  it('decides ten of eleven waves in one late call', () => {
    const decisions = new Four().full(1, 33).decisions()
    assert.deepEqual(
      decisions,
      Array.from({ length: 10 }, (_, at) => direct(slotName({ round: 3 * at + 3, author: (3 * at + 3) % 4 }))),
    )
  })

  it('never commits genesis', () => {
    const dag = new Four()
    for (let round = 1; round <= 4; round++) assert.deepEqual(dag.full(round, round).decisions(), [])
  })

  it('skips a leader for whom nobody votes', () => {
    const dag = new Four().full(1, 3).some('ABCD', 4, names('ABC', 3)).full(5, 5)
    assert.deepEqual(dag.decisions(), [['skip', 'direct', 'D3']])
  })

  it('skips a leader whose block is missing', () => {
    const dag = new Four().full(1, 2).some('ABC', 3, names('ABCD', 2)).some('ABCD', 4, names('ABC', 3))
    assert.deepEqual(dag.decisions(), [['skip', 'direct', 'D3']])
  })

  it('skips a leader that a quorum blames', () => {
    const dag = new Four().full(1, 3).some('A', 4, names('ABCD', 3)).some('BCD', 4, names('ABC', 3)).full(5, 5)
    assert.deepEqual(dag.decisions(), [['skip', 'direct', 'D3']])
  })

  it('commits a leader through the certificate that a later one reaches', () => {
    const dag = new Four().full(1, 3).some('ABC', 4, names('ABCD', 3)).some('D', 4, names('ABC', 3))
    dag.some('A', 5, names('ABC', 4)).some('BCD', 5, names('ABD', 4)).full(6, 8)
    assert.deepEqual(dag.decisions(), [['commit', 'indirect', 'D3'], direct('C6')])
  })

  it('skips a leader of which a later one reaches no certificate', () => {
    const dag = new Four().full(1, 3).some('AB', 4, names('ABCD', 3)).some('CD', 4, names('ABC', 3)).full(5, 8)
    assert.deepEqual(dag.decisions(), [['skip', 'indirect', 'D3'], direct('C6')])
  })

  it('leaves a leader undecided while neither rule applies, and those after it unsaid', () => {
    const dag = new Four().full(1, 3).some('AB', 4, names('ABCD', 3)).some('CD', 4, names('ABC', 3)).full(5, 7)
    assert.deepEqual(dag.decisions(), [])
  })

  it('commits a leader although an equivocator both votes and blames', () => {
    assert.deepEqual(equivocate(new Four()).decisions(), ['D3', 'C6', 'B9', 'A12'].map(direct))
  })
})

describe('a leader every round', () => {
  const piped = (): Four => new Four({ pipelined: true })
  const leaderOf = (round: number): string => slotName({ round, author: round % 4 })
  const leaders = (from: number, to: number): TextDecision[] =>
    Array.from({ length: to - from + 1 }, (_, at) => direct(leaderOf(from + at)))

  it('commits the leader of round 1 in round 3', () => {
    assert.deepEqual(piped().full(1, 2).decisions(), [])
    assert.deepEqual(piped().full(1, 3).decisions(), leaders(1, 1))
  })

  it('gives the same answer when asked again', () => {
    const dag = piped().full(1, 6)
    assert.deepEqual(dag.decisions(), dag.decisions())
    assert.deepEqual(dag.after({ round: 4, offset: 0 }), [])
  })

  it('commits one more leader with every round', () => {
    const dag = piped().full(1, 2)
    for (let round = 3; round <= 20; round++) {
      dag.full(round, round)
      assert.deepEqual(dag.after({ round: round - 3, offset: 0 }), leaders(round - 2, round - 2))
    }
  })

  it('decides all rounds but the last two in one late call', () => {
    assert.deepEqual(piped().full(1, 33).decisions(), leaders(1, 31))
  })

  it('never commits genesis', () => {
    assert.deepEqual(piped().full(1, 1).decisions(), [])
  })

  it('skips a leader whose block is missing', () => {
    const dag = piped().full(1, 2).some('ABC', 3, names('ABCD', 2)).some('ABCD', 4, names('ABC', 3)).full(5, 6)
    assert.deepEqual(dag.decisions(), [...leaders(1, 2), ['skip', 'direct', 'D3'], ...leaders(4, 4)])
  })

  it('skips a leader that a quorum blames', () => {
    const dag = piped().full(1, 3).some('A', 4, names('ABCD', 3)).some('BCD', 4, names('ABC', 3)).full(5, 6)
    assert.deepEqual(dag.decisions(), [...leaders(1, 2), ['skip', 'direct', 'D3'], ...leaders(4, 4)])
  })

  it('commits a leader through the certificate that a later one reaches', () => {
    const dag = piped().full(1, 3).some('ABC', 4, names('ABCD', 3)).some('D', 4, names('ABC', 3))
    dag.some('A', 5, names('ABC', 4)).some('BCD', 5, names('ABD', 4)).full(6, 8)
    assert.deepEqual(dag.decisions().slice(0, 3), [...leaders(1, 2), ['commit', 'indirect', 'D3']])
  })

  it('skips a leader of which a later one reaches no certificate', () => {
    const dag = piped().full(1, 3).some('AB', 4, names('ABCD', 3)).some('CD', 4, names('ABC', 3)).full(5, 8)
    assert.deepEqual(dag.decisions(), [...leaders(1, 2), ['skip', 'indirect', 'D3'], ...leaders(4, 6)])
  })

  it('leaves a leader undecided and those after it unsaid', () => {
    const dag = piped().full(1, 3).some('AB', 4, names('ABCD', 3)).some('CD', 4, names('ABC', 3)).full(5, 7)
    assert.deepEqual(dag.decisions(), leaders(1, 2))
  })

  it('commits a leader although an equivocator both votes and blames', () => {
    assert.deepEqual(equivocate(piped()).decisions(), leaders(1, 12))
  })

  it('judges several leaders a round in the order of their offsets', () => {
    const dag = new Four({ pipelined: true, leadersPerRound: 2 }).full(1, 4)
    assert.deepEqual(dag.decisions(), ['B1', 'C1', 'C2', 'D2'].map(direct))
    assert.deepEqual(dag.after({ round: 1, offset: 0 }), ['C1', 'C2', 'D2'].map(direct))
  })
})

/** Random rounds; every block links at least a quorum, with the leader of the round below or without it. */
function randomBlocks(size: number, rounds: number, random: Random, linksLeader: (round: number) => boolean) {
  const quorum = Math.floor((2 * size) / 3) + 1
  const blocks: (readonly [string, readonly string[]])[] = []
  for (let round = 1; round <= rounds; round++) {
    const leader = (round - 1) % size
    for (let author = 0; author < size; author++) {
      const others = shuffle(
        Array.from({ length: size }, (_, at) => at).filter((at) => at !== leader),
        random,
      )
      const links = linksLeader(round) ? [leader, ...others] : others
      const chosen = links.slice(0, quorum + random.int(links.length - quorum + 1))
      blocks.push([slotName({ author, round }), chosen.map((at) => slotName({ author: at, round: round - 1 }))])
    }
  }
  return blocks
}

function shuffle<T>(items: T[], random: Random): T[] {
  for (let at = items.length - 1; at > 0; at--) {
    const other = random.int(at + 1)
    ;[items[at], items[other]] = [items[other]!, items[at]!]
  }
  return items
}

/** Adds blocks in a random order, each as soon as its parents are there, asking for decisions on the way. */
function deliver(dag: GrowingDag, blocks: readonly (readonly [string, readonly string[]])[], random: Random): void {
  let waiting = shuffle([...blocks], random)
  while (waiting.length > 0) {
    waiting = waiting.filter(([name, parents]) => {
      const ready = parents.every((parent) => dag.has(parent))
      if (ready) dag.add(name, parents)
      return !ready
    })
    dag.decisions()
  }
}

describe('random DAGs of 200 rounds with four to nine authorities', () => {
  const seeds = Array.from({ length: 100 }, (_, seed) => seed)

  it('commit every leader directly when every block links the leader below', () => {
    for (const seed of seeds) {
      const random = seededRandom(seed)
      const size = 4 + random.int(6)
      const dag = new GrowingDag(size, ruleFor(size, { pipelined: true }))
      for (const [name, parents] of randomBlocks(size, 200, random, () => true)) dag.add(name, parents)
      const decisions = dag.decisions()
      assert.equal(decisions.length, 198, `seed ${seed}`)
      assert.ok(
        decisions.every(([fate, how]) => fate === 'commit' && how === 'direct'),
        `seed ${seed}`,
      )
    }
  })

  it('give one sequence whatever the order of arrival when leaders are linked by all or by half', () => {
    for (const seed of seeds.slice(0, 30)) {
      const random = seededRandom(1000 + seed)
      const size = 4 + random.int(6)
      const lucky = Array.from({ length: 201 }, () => random.int(2) === 0)
      const blocks = randomBlocks(size, 200, random, (round) => lucky[round] === true || random.int(2) === 0)
      const sequences = [0, 1, 2].map(() => {
        const dag = new GrowingDag(size, ruleFor(size, { pipelined: true }))
        deliver(dag, blocks, random)
        return dag.decisions().map(([fate, , name]) => `${fate} ${name}`)
      })
      assert.ok(sequences[0]!.length > 100, `seed ${seed} (${size}): ${sequences[0]!.length} decisions`)
      assert.deepEqual(sequences[1], sequences[0], `seed ${seed}`)
      assert.deepEqual(sequences[2], sequences[0], `seed ${seed}`)
    }
  })
})

describe('a new leader schedule', () => {
  it('judges what is left of the last round by the new anchor, not by the one that leads no more', () => {
    let turn = 0
    const leader = (round: number, offset: number): number => (round + offset + (round > 3 ? turn : 0)) % 4
    const dag = new Four({ pipelined: true, leadersPerRound: 2, leader }).full(1, 3)
    dag.some('ABC', 4, names('ABCD', 3)).some('D', 4, names('BCD', 3))
    dag.some('A', 5, names('ABC', 4)).some('BC', 5, names('BCD', 4)).some('D', 5, names('ABD', 4))
    // Only C6 and A6 reach A5, the one certificate of A3.
    dag.some('AC', 6, names('ABC', 5)).some('BD', 6, names('BCD', 5)).full(7, 9)
    const last = { round: 3, offset: 0 }
    assert.deepEqual(dag.after(last)[0], ['commit', 'indirect', 'A3'])
    turn = 3
    dag.committer.recount(3)
    assert.deepEqual(dag.after(last)[0], ['skip', 'indirect', 'A3'])
  })
})
