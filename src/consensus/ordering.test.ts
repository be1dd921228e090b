import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fakeCommittee } from '../../test/fake/committee.ts'
import { sealBlock } from './block-codec.ts'
import { Dag, DagNode } from './dag.ts'
import { LeaderSchedule } from './leader-schedule.ts'
import { commitTimestamp, compareRefs, linearize, stakeMedian } from './linearizer.ts'
import { Reputation } from './reputation.ts'
import type { AuthorityIndex, Round, SignedBlock } from './types.ts'

const { committee, sign } = fakeCommittee([1, 1, 1, 1])
type Node = DagNode<SignedBlock>

function node(round: Round, author: AuthorityIndex, parents: readonly Node[], timestampMs = round): Node {
  const ancestors = parents.map(({ ref }) => ref)
  const rest = { ancestors, transactions: [], commitVotes: [], transactionVotes: [] }
  const block = sealBlock(committee, { epoch: 0, round, author, timestampMs, ...rest }, (root) => sign(author, root))
  return new DagNode(block.ref, parents, block)
}

/** Full rounds from 1 on; `layers[r]` are the blocks of round r, `layers[0]` is empty. */
function fullRounds(count: number): Node[][] {
  const layers: Node[][] = [[]]
  for (let round = 1; round <= count; round++) {
    layers.push([0, 1, 2, 3].map((author) => node(round, author, layers[round - 1]!)))
  }
  return layers
}

const placesOf = (nodes: readonly Node[]) => nodes.map(({ round, author }) => `${round}.${author}`)

describe('the linearizer', () => {
  it('orders one block first, then a round with every leader', () => {
    const layers = fullRounds(4)
    assert.deepEqual(placesOf(linearize(layers[1]![1]!, 0)), ['1.1'])
    assert.deepEqual(placesOf(linearize(layers[2]![2]!, 0)), ['1.0', '1.2', '1.3', '2.2'])
    assert.deepEqual(placesOf(linearize(layers[3]![3]!, 0)), ['2.0', '2.1', '2.3', '3.3'])
  })

  it('orders nothing at or below the collected round', () => {
    const layers = fullRounds(4)
    assert.deepEqual(placesOf(linearize(layers[4]![0]!, 2)), ['3.0', '3.1', '3.2', '3.3', '4.0'])
    assert.ok(!layers[2]!.some(({ committed }) => committed))
  })

  it('walks long histories without recursion', () => {
    let last = node(1, 0, [])
    for (let round = 2; round <= 20_000; round++) last = new DagNode({ ...last.ref, round }, [last], last.content)
    assert.equal(linearize(last, 0).length, 20_000)
  })

  it('orders every block exactly once, in order of round and author', () => {
    const chosen = fc.array(fc.nat(3), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(chosen, (leaders) => {
        const layers = fullRounds(leaders.length)
        const ordered = leaders.flatMap((leader, at) => {
          const part = linearize(layers[at + 1]![leader]!, 0)
          assert.deepEqual(
            part,
            [...part].sort((a, b) => compareRefs(a.ref, b.ref)),
          )
          return placesOf(part)
        })
        assert.equal(new Set(ordered).size, ordered.length)
        assert.equal(ordered.length, 4 * leaders.length - 3)
      }),
      { numRuns: 20 },
    )
  })
})

describe('the time of a commit', () => {
  const equal = (...times: number[]) => times.map((ms) => ({ ms, stake: 1 }))

  it('is the stake-median', () => {
    assert.equal(stakeMedian(equal(1000, 2000, 3000, 4000)), 3000)
    assert.equal(stakeMedian(equal(4000, 1000, 3000, 2000)), 3000)
    const weighted = [
      [4000, 2],
      [2000, 2],
      [1000, 3],
      [3000, 3],
    ] as const
    assert.equal(stakeMedian(weighted.map(([ms, stake]) => ({ ms, stake }))), 3000)
    assert.equal(stakeMedian([...equal(1000, 2000, 3000, 4000), { ms: 5000, stake: 10 }]), 5000)
    assert.equal(stakeMedian([]), 0)
  })

  it('is a time somebody said, between the honest ones, whatever less than half of the stake says', () => {
    const honest = fc.array(fc.nat(1000), { minLength: 3, maxLength: 9 })
    fc.assert(
      fc.property(honest, fc.array(fc.nat(1e9), { maxLength: 9 }), (times, lies) => {
        const median = stakeMedian(equal(...times, ...lies.slice(0, times.length - 1)))
        assert.ok(median >= Math.min(...times) && median <= Math.max(...times))
      }),
    )
  })

  it('looks only at the parents right below the leader and never goes back', () => {
    const old = node(1, 3, [], 9_999)
    const parents = [100, 200, 300].map((ms, author) => node(2, author, [], ms))
    const leader = node(3, 0, [...parents, old])
    assert.equal(commitTimestamp(leader, committee.stake, 0), 200)
    assert.equal(commitTimestamp(leader, committee.stake, 5000), 5000)
  })
})

describe('reputation', () => {
  it('scores full rounds 1 to 3 and three blocks of round 4 with 5 each', () => {
    const layers = fullRounds(3)
    const last = [0, 1, 2].map((author) => node(4, author, layers[3]!))
    const leaders = [layers[1]![1]!, layers[2]![2]!, layers[3]![3]!, last[0]!]
    const reputation = new Reputation([1, 1, 1, 1])
    for (const leader of leaders) reputation.add(leader, linearize(leader, 0), 0)
    assert.deepEqual(reputation.scores, [5, 5, 5, 5])
  })

  it('gives nothing to an author that does not link leaders', () => {
    const layers = fullRounds(1)
    for (let round = 2; round <= 9; round++) {
      const below = layers[round - 1]!
      const leader = (round - 1) % 4
      layers.push(
        [0, 1, 2, 3].map((author) =>
          node(
            round,
            author,
            below.filter((_, at) => author !== 3 || at !== leader),
          ),
        ),
      )
    }
    const reputation = new Reputation([1, 1, 1, 1])
    for (let round = 1; round <= 9; round++) {
      const leader = layers[round]![round % 4]!
      reputation.add(leader, linearize(leader, 0), 0)
    }
    const [a, b, c, d] = reputation.scores
    assert.equal(d, 0)
    assert.ok(a! > 10 && b! > 10 && c! > 10)
    reputation.reset()
    assert.deepEqual(reputation.scores, [0, 0, 0, 0])
  })

  it('counts a late block alike whether it came before or after the round below it was collected', () => {
    const leader = node(1, 0, [])
    const inTime = node(2, 3, [leader])
    const late = new DagNode(inTime.ref, [], inTime.content)
    const scoresWith = (voter: Node, gcRound: Round): readonly number[] => {
      const reputation = new Reputation([1, 1, 1, 1])
      const next = node(3, 3, [voter])
      reputation.add(leader, [leader], 0)
      reputation.add(next, [voter, next], gcRound)
      return reputation.scores
    }
    assert.deepEqual(scoresWith(inTime, 0), [0, 0, 0, 1])
    assert.deepEqual(scoresWith(inTime, 1), scoresWith(late, 1))
  })
})

describe('the leader schedule', () => {
  const election = { leadersPerRound: 1, leaderElection: 'byStake', swapStakePercent: 30 } as const
  const count = (schedule: LeaderSchedule, size: number, rounds: number): number[] => {
    const counts = new Array<number>(size).fill(0)
    for (let round = 1; round <= rounds; round++) counts[schedule.leader(round, 0)]!++
    return counts
  }

  it('is the same for everybody and follows the stake', () => {
    const stakes = [1, 1, 2, 4]
    const counts = count(new LeaderSchedule(stakes, election), 4, 8000)
    assert.deepEqual(count(new LeaderSchedule(stakes, election), 4, 8000), counts)
    stakes.forEach((stake, author) => {
      assert.ok(Math.abs(counts[author]! - 1000 * stake) < 150, `${counts}`)
    })
  })

  it('takes turns when told to', () => {
    const turns = new LeaderSchedule([1, 1, 1, 1], { ...election, leaderElection: 'roundRobin', leadersPerRound: 2 })
    assert.deepEqual(
      [turns.leaders(6), turns.leaders(7)],
      [
        [2, 3],
        [3, 0],
      ],
    )
  })

  it('swaps the worst for the best above the round that ended the schedule', () => {
    const schedule = new LeaderSchedule([1, 1, 1, 1], election)
    const before = Array.from({ length: 200 }, (_, round) => schedule.leader(round, 0))
    schedule.update([5, 9, 1, 5], 100, 300)
    assert.deepEqual(schedule.swapped, { bad: [2], good: [1] })
    for (let round = 0; round < 200; round++) {
      const swapped = round > 100 && before[round] === 2
      assert.equal(schedule.leader(round, 0), swapped ? 1 : before[round])
    }
  })

  it('keeps the last schedule for the rounds it was made for', () => {
    const schedule = new LeaderSchedule([1, 1, 1, 1], election)
    schedule.update([5, 9, 1, 5], 100, 300)
    const middle = Array.from({ length: 100 }, (_, at) => schedule.leader(101 + at, 0))
    schedule.update([1, 5, 9, 5], 200, 600)
    assert.deepEqual(schedule.swapped, { bad: [0], good: [2] })
    assert.deepEqual(
      Array.from({ length: 100 }, (_, at) => schedule.leader(101 + at, 0)),
      middle,
    )
  })

  it('keeps the leaders of a round in which two schedules end', () => {
    const schedule = new LeaderSchedule([1, 1, 1, 1], election)
    schedule.update([5, 9, 1, 5], 100, 300)
    const before = Array.from({ length: 100 }, (_, at) => schedule.leader(101 + at, 0))
    for (const index of [301, 302]) schedule.update([1, 5, 9, 5], 200, index)
    assert.deepEqual(
      Array.from({ length: 100 }, (_, at) => schedule.leader(101 + at, 0)),
      before,
    )
  })

  it('breaks ties by the commit, the same for everybody', () => {
    const swaps = [300, 600, 900, 1200, 1500, 1800].map((index) => {
      const made = [0, 1].map(() => {
        const schedule = new LeaderSchedule([1, 1, 1, 1], election)
        schedule.update([7, 7, 7, 7], 0, index)
        return JSON.stringify(schedule.swapped)
      })
      assert.equal(made[0], made[1])
      return made[0]
    })
    assert.ok(new Set(swaps).size > 1)
  })

  it('never lets one authority lead a round twice', () => {
    const stakes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 4, maxLength: 10 })
    fc.assert(
      fc.property(
        stakes,
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(20), { maxLength: 10 }),
        (members, per, scores) => {
          const schedule = new LeaderSchedule(members, { ...election, leadersPerRound: per })
          schedule.update(
            members.map((_, at) => scores[at] ?? 0),
            0,
            300,
          )
          const { bad, good } = schedule.swapped
          const total = members.reduce((sum, stake) => sum + stake, 0)
          for (const part of [bad, good]) {
            assert.ok(part.reduce((sum, author) => sum + members[author]!, 0) <= total * 0.3)
          }
          assert.ok(!bad.some((author) => good.includes(author)))
          for (let round = 1; round < 50; round++) {
            const leaders = schedule.leaders(round)
            assert.equal(new Set(leaders).size, per)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('the DAG in memory', () => {
  it('finds blocks, their siblings and the highest of every author', () => {
    const dag = new Dag<SignedBlock>(4)
    const first = node(1, 2, [])
    const second = node(1, 2, [], 77)
    for (const each of [first, second, node(3, 2, [])]) dag.add(each)
    assert.equal(dag.find(second.ref), second)
    assert.equal(dag.firstAt(1, 2), first)
    assert.deepEqual(dag.siblingsAt(1, 2), [first, second])
    assert.equal(dag.find({ ...second.ref, author: 1 }), undefined)
    assert.deepEqual([dag.highestRoundOf(2), dag.highestRound, dag.blocks], [3, 3, 3])
  })

  it('lets go of old rounds and of the history that hangs on them', () => {
    const layers = fullRounds(5)
    const dag = new Dag<SignedBlock>(4)
    for (const each of layers.flat()) dag.add(each)
    dag.collect(3)
    assert.deepEqual([dag.lowestRound, dag.highestRound, dag.blocks], [4, 5, 8])
    assert.equal(dag.firstAt(3, 0), undefined)
    assert.ok(layers[3]!.every(({ parents }) => parents.length === 0))
    assert.throws(() => dag.add(node(3, 0, [])), { code: 'INVARIANT_BROKEN' })
    dag.collect(9)
    assert.deepEqual([dag.lowestRound, dag.blocks], [10, 0])
  })
})
