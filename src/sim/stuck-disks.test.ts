import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeValidator } from '../../test/fake/committee.ts'
import { four } from '../../test/fake/committee-network.ts'
import { trustParameters, trustScene } from '../../test/fake/trust-scene.ts'
import { defaultParameters } from '../consensus/parameters.ts'
import { statusOf } from '../consensus/queries.ts'
import { verifySignature } from '../consensus/verify-block.ts'
import { silentLog } from '../core/log.ts'
import { seededRandom } from '../core/random.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import { ConsensusLog } from '../replica/disk/consensus-log.ts'
import { createReplica } from '../replica/replica.ts'
import { VirtualDisk } from './disk.ts'
import { uniformLatency } from './latency.ts'
import { VirtualNetwork } from './network.ts'
import { Weather } from './weather.ts'

const parameters = { ...defaultParameters, ...trustParameters }

/** A disk on which a validator left its log. */
function diskOf(validator: FakeValidator, clock: VirtualClock): VirtualDisk {
  const disk = new VirtualDisk(clock, seededRandom(validator.own), 0.05)
  const { committee } = four
  const sizes = { segmentBytes: 65_536, retainBytes: 16_777_216, gcDepth: parameters.gcDepth }
  const log = new ConsensusLog({ disk: disk.open(), committee, own: validator.own, ...sizes })
  log.recover()
  log.append(validator.log)
  log.sync(() => {})
  clock.advance(1)
  return disk
}

/** The three as processes on their disks. */
function started(validators: readonly FakeValidator[]) {
  const clock = new VirtualClock()
  const weather = new Weather(uniformLatency(20, 0.1, 4), [])
  const network = new VirtualNetwork({ clock, random: seededRandom(1), weather })
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
      network: network.join(validator.own, (run) => run()),
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

describe('a committee that stands still on its disks', () => {
  it('goes on after a restart: what all three hold is shown, and each trusts its own commit', () => {
    const { play, x, y, leader } = trustScene((first) => first.step({ type: 'stalled' }))
    for (let round = 0; round < 10; round++) play.goOn()
    assert.ok(statusOf(y.state).lastCommitRound < leader && statusOf(x.state).lastCommitRound >= leader)
    const { clock, replicas, delivered } = started(play.honest)
    clock.advance(20_000)
    const sequences = [...delivered.values()]
    const shortest = Math.min(...sequences.map(({ length }) => length))
    for (const sequence of sequences) assert.deepEqual(sequence.slice(0, shortest), sequences[0]!.slice(0, shortest))
    for (const replica of replicas)
      assert.ok(replica.status().lastCommitRound > leader + 30, JSON.stringify(replica.status()))
  })
})
