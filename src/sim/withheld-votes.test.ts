import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeValidator } from '../../test/fake/committee.ts'
import { four, network } from '../../test/fake/committee-network.ts'
import { defaultParameters } from '../consensus/parameters.ts'
import { statusOf } from '../consensus/queries.ts'
import type { CommitRef } from '../consensus/types.ts'
import { verifySignature } from '../consensus/verify-block.ts'
import { silentLog } from '../core/log.ts'
import { seededRandom } from '../core/random.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import { ConsensusLog } from '../replica/disk/consensus-log.ts'
import { createReplica } from '../replica/replica.ts'
import type { ReplicaStatus } from '../replica/status.ts'
import { VirtualDisk } from './disk.ts'
import { uniformLatency } from './latency.ts'
import { VirtualNetwork } from './network.ts'
import { Weather } from './weather.ts'

const parameters = { ...defaultParameters, gcDepth: 10, commitsPerSchedule: 0, maxCommitLag: 50 }

/** A disk on which a validator left its log. */
function diskOf(validator: FakeValidator, clock: VirtualClock): VirtualDisk {
  const disk = new VirtualDisk(clock, seededRandom(validator.own), 0.05)
  const sizes = { segmentBytes: 65_536, retainBytes: 16_777_216, gcDepth: parameters.gcDepth }
  const log = new ConsensusLog({ disk: disk.open(), committee: four.committee, own: validator.own, ...sizes })
  log.recover()
  log.append(validator.log)
  log.sync(() => {})
  clock.advance(1)
  return disk
}

function started(validators: readonly FakeValidator[]) {
  const clock = new VirtualClock()
  const wires = new VirtualNetwork({
    clock,
    random: seededRandom(1),
    weather: new Weather(uniformLatency(20, 0.1, 4), []),
  })
  const delivered = new Map<number, string[]>(validators.map(({ own }) => [own, []]))
  const replicas = validators.map((validator) => {
    const replica = createReplica({
      committee: four.committee,
      own: validator.own,
      sign: (root) => four.sign(validator.own, root),
      parameters,
      replica: {},
      clock,
      random: seededRandom(10 + validator.own),
      disk: diskOf(validator, clock).open(),
      network: wires.join(validator.own, (run) => run()),
      verifier: { verify: (blocks, done) => done(blocks.map((block) => verifySignature(four.committee, block))) },
      consumer: {
        cursor: () => 0,
        deliver: (subDag, done) => {
          delivered.get(validator.own)!.push(subDag.commitRef.digest)
          done()
        },
      },
      log: silentLog,
      failed: (error) => {
        throw error
      },
    })
    replica.start()
    return replica
  })
  return { clock, replicas, delivered }
}

/** The last of four votes as it pleases; the first is away from the tenth round on. Then the last is gone for good. */
function whileOneWasAway(votes: (real: readonly CommitRef[]) => readonly CommitRef[], rounds: number) {
  const net = network(7, parameters, four, 4)
  const [x, , , cheat] = net.validators as [FakeValidator, FakeValidator, FakeValidator, FakeValidator]
  const pending = cheat.state.commitVotes
  const take = pending.take.bind(pending)
  pending.take = (count) => votes(take(count))
  net.begin()
  net.runUntil(() => x.state.clock.round > 10)
  net.down.add(x)
  net.runUntil(() => net.validators.every((each) => each === x || each.state.clock.round > rounds))
  return net.validators.slice(0, 3)
}

const invented = (index: number): CommitRef => ({ index, digest: 'ee'.repeat(32) })

describe('a member that does not vote for the commits that it helped to make', () => {
  type Votes = (real: readonly CommitRef[]) => readonly CommitRef[]
  const ways: readonly (readonly [string, number, Votes])[] = [
    ['votes for none', 1_100, () => []],
    ['votes for others of the same number', 300, (real) => real.map(({ index }) => invented(index))],
    ['votes for one far away', 300, () => [invented(4_000_000_000)]],
  ]
  for (const [way, rounds, votes] of ways) {
    it(`and ${way}, stops nobody who was away for ${rounds} rounds`, () => {
      const honest = whileOneWasAway(votes, rounds)
      const { clock, replicas, delivered } = started(honest)
      const { index } = statusOf(honest[1]!.state).lastCommit
      const goesOn = ({ lastCommit, lastCommitRound, gcRound }: ReplicaStatus): boolean =>
        lastCommit.index > index + 50 && lastCommitRound - gcRound < 30
      const statuses = (): readonly ReplicaStatus[] => replicas.map((replica) => replica.status())
      for (let second = 0; second < 60 && !statuses().every(goesOn); second++) clock.advance(1_000)
      assert.deepEqual(statuses().map(goesOn), [true, true, true], JSON.stringify(statuses()[0]))
      const sequences = [...delivered.values()]
      const shortest = Math.min(...sequences.map(({ length }) => length))
      for (const sequence of sequences) assert.deepEqual(sequence.slice(0, shortest), sequences[0]!.slice(0, shortest))
    })
  }
})
