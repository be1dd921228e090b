import { createHash } from 'node:crypto'
import { type Committee, createCommittee } from '../consensus/committee.ts'
import { type ConsensusParameters, defaultParameters } from '../consensus/parameters.ts'
import type { Clock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { type Random, seededRandom } from '../core/random.ts'
import type { ReplicaParameters } from '../replica/parameters.ts'
import { createReplica } from '../replica/replica.ts'
import type { PeerNetwork } from '../replica/seams.ts'
import { votesAgainst } from './ballot.ts'
import { CheatingNetwork } from './cheat.ts'
import { type CheatFault, isHostile } from './faults.ts'
import { Forger } from './forger.ts'
import { HostileBlocks } from './hostile-blocks.ts'
import { HostileNetwork } from './hostile-network.ts'
import { VirtualNetwork } from './network.ts'
import { createSignatures, type Signatures } from './signatures.ts'
import type { SimulationOptions } from './simulation.ts'
import { type Running, type Surroundings, Validator, type ValidatorSeams } from './validator.ts'
import { Weather } from './weather.ts'

const defaultSyncMs = 0.05
const mebibyte = 1024 * 1024

/** Whom a validator of the world reports to. */
export type Watchers = Pick<ValidatorSeams, 'delivered' | 'broke'> & {
  /** An own block was signed. */
  readonly signed: (digest: string) => void
}

/** Everything around the validators: their committee and keys, the network between them, and chance. */
export class World {
  readonly #options: SimulationOptions
  readonly #clock: Clock
  readonly #chance: Random
  readonly #network: VirtualNetwork
  readonly #signatures: Signatures
  readonly #committee: Committee
  readonly #parameters: ConsensusParameters
  readonly #replica: Partial<ReplicaParameters>

  constructor(options: SimulationOptions, clock: Clock) {
    const { validators, seed, latency, faults } = options
    this.#options = options
    this.#clock = clock
    this.#chance = seededRandom(seed)
    this.#network = new VirtualNetwork({ clock, random: this.fork(), weather: new Weather(latency, faults) })
    this.#signatures = createSignatures(options.signatures ?? 'ed25519', seed, validators)
    this.#committee = committeeOf(options, this.#signatures)
    this.#parameters = parametersOf(options)
    this.#replica = replicaParametersOf(options)
  }

  get committee(): Committee {
    return this.#committee
  }

  get parameters(): ConsensusParameters {
    return this.#parameters
  }

  /** A source of chance of its own for one part, so that parts do not disturb each other's. */
  fork(): Random {
    return seededRandom(this.#chance.int(2 ** 32))
  }

  /** A validator that is not started yet. */
  validator(number: number, watchers: Watchers, cheats: readonly CheatFault[]): Validator {
    const slow = this.#options.faults.find((fault) => fault.kind === 'slowConsumer' && fault.validator === number)
    return new Validator(number, {
      clock: this.#clockOf(number),
      random: this.fork(),
      network: this.#network,
      syncMs: this.#options.syncMs ?? defaultSyncMs,
      consumerMs: slow?.kind === 'slowConsumer' ? slow.ms : 0,
      spawn: (surroundings) => this.#spawn(surroundings, watchers, cheats),
      delivered: watchers.delivered,
      broke: watchers.broke,
    })
  }

  #clockOf(validator: number): Clock {
    const clock = this.#clock
    const apart = this.#options.faults.find((fault) => fault.kind === 'clock' && fault.validator === validator)
    if (apart?.kind !== 'clock') return clock
    return {
      now: () => clock.now(),
      wall: () => clock.wall() + apart.ms,
      after: (ms, run) => clock.after(ms, run),
      clear: (timer) => clock.clear(timer),
    }
  }

  #spawn(surroundings: Surroundings, watchers: Watchers, cheats: readonly CheatFault[]): Running {
    const { own, clock, random, disk, cursor, cursorDigest, deliver } = surroundings
    const replica = createReplica({
      committee: this.#committee,
      own,
      sign: (root) => this.#sign(own, root, watchers),
      parameters: this.#parameters,
      replica: this.#replica,
      clock,
      random,
      disk,
      network: this.#networkOf(surroundings, cheats),
      verifier: this.#signatures.verifier,
      consumer: { cursor, cursorDigest, deliver },
      judge: votesAgainst,
      log: silentLog,
      failed: surroundings.failed,
    })
    replica.start()
    return replica
  }

  #sign(own: number, root: Uint8Array, watchers: Watchers): Uint8Array {
    const signature = this.#signatures.sign(own, root)
    watchers.signed(createHash('sha256').update(root).update(signature).digest('hex'))
    return signature
  }

  #networkOf({ own, clock, random, network }: Surroundings, cheats: readonly CheatFault[]): PeerNetwork {
    const committee = this.#committee
    const forger = new Forger(committee, (root) => this.#signatures.sign(own, root), random)
    // What no message can be is made last: the other cheats read what they change.
    const depth = (fault: CheatFault): number => (fault.kind === 'garbage' ? 0 : isHostile(fault) ? 1 : 2)
    const innermostFirst = cheats.toSorted((a, b) => depth(a) - depth(b))
    const blocks = new HostileBlocks({ committee, parameters: this.#parameters, random, forger })
    return innermostFirst.reduce<PeerNetwork>((beneath, fault) => {
      const seams = { fault, committee, clock, random, forger, network: beneath }
      return isHostile(fault) ? new HostileNetwork({ ...seams, blocks }) : new CheatingNetwork(seams)
    }, network)
  }
}

function committeeOf({ validators, stakes }: SimulationOptions, signatures: Signatures): Committee {
  const authorities = Array.from({ length: validators }, (_, number) => {
    const key = signatures.publicKey(number)
    const stake = stakes?.[number] ?? 1
    return { name: `validator-${number}`, stake, protocolKey: key, networkKey: key, address: '' }
  })
  return createCommittee(0, authorities)
}

// A pause between own blocks that is longer than a crossing would hide how many crossings the protocol needs.
function parametersOf({ leaders, latency, votes, parameters }: SimulationOptions): ConsensusParameters {
  const minRoundDelayMs = Math.min(defaultParameters.minRoundDelayMs, latency.unitMs / 2)
  const agreed = { minRoundDelayMs, leadersPerRound: leaders, transactionVoting: votes === true }
  return { ...defaultParameters, ...agreed, ...parameters }
}

// Virtual disks live in memory. History is for validators that lost theirs: who wants one wiped needs all of it.
function replicaParametersOf({ faults, replica }: SimulationOptions): Partial<ReplicaParameters> {
  const wiped = faults.some(({ kind }) => kind === 'wipe')
  return { segmentBytes: 2 * mebibyte, retainBytes: (wiped ? 1024 : 16) * mebibyte, ...replica }
}
