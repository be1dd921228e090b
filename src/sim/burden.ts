import type { ConsensusParameters } from '../consensus/parameters.ts'
import { maxBlockBytes } from '../replica/block-limits.ts'
import type { ReplicaStatus } from '../replica/status.ts'

/** The most that one validator held at a look, and all that it did, over all lives of its process. */
export interface Burden {
  readonly waitingBytes: number
  readonly waitingBlocks: number
  readonly missing: number
  readonly blocks: number
  readonly decoded: number
  readonly checked: number
}

const nothing: Burden = { waitingBytes: 0, waitingBlocks: 0, missing: 0, blocks: 0, decoded: 0, checked: 0 }

/** Blocks of one author in a round, on average, that a validator may hold: cheats fill slots up to the limit. */
const slotsPerAuthor = 2
/** Signatures checked for each block that honest authors make, and for each second that a cheat has a link. */
const checksPerBlock = 2
const checksPerSecond = 100
/** Copies of blocks that are known are decoded, and not checked. */
const copies = 4

/** Watches what honest validators hold and do for their peers, and what of it no peer may bring about. */
export class Burdens {
  readonly #size: number
  readonly #parameters: ConsensusParameters
  readonly #burdens: Burden[]
  /** Work of the present life of each process, as last seen. */
  readonly #seen: { decoded: number; checked: number }[]

  constructor(size: number, parameters: ConsensusParameters) {
    this.#size = size
    this.#parameters = parameters
    this.#burdens = Array.from({ length: size }, () => nothing)
    this.#seen = Array.from({ length: size }, () => ({ decoded: 0, checked: 0 }))
  }

  /** The heaviest burden of any validator, figure by figure. */
  get worst(): Burden {
    return this.#burdens.reduce(heavier, nothing)
  }

  /** Looks at a validator `seconds` into the run, in which the committee has made `rounds`; tells what is too much. */
  look(status: ReplicaStatus, seconds: number, rounds: number): string | undefined {
    const { authority } = status
    const known = this.#burdens[authority]!
    const burden = heavier(known, { ...heldBy(status), ...this.#workOf(status, known) })
    this.#burdens[authority] = burden
    return this.#tooMuch(status, burden, checksPerSecond * seconds + checksPerBlock * this.#size * rounds)
  }

  /** Counters begin anew with each life of the process. */
  #workOf({ authority, intake }: ReplicaStatus, known: Burden): Pick<Burden, 'decoded' | 'checked'> {
    const seen = this.#seen[authority]!
    const since = (now: number, before: number): number => (now < before ? now : now - before)
    this.#seen[authority] = { ...intake }
    return {
      decoded: known.decoded + since(intake.decoded, seen.decoded),
      checked: known.checked + since(intake.checked, seen.checked),
    }
  }

  #tooMuch(status: ReplicaStatus, burden: Burden, work: number): string | undefined {
    const now = heldBy(status)
    const { maxSuspendedPerAuthor, maxSuspendedBytesPerAuthor = Number.POSITIVE_INFINITY } = this.#parameters
    const oneMore = maxBlockBytes({ size: this.#size }, this.#parameters)
    const rounds = status.round + 2 - status.gcRound
    const limits: readonly (readonly [what: string, value: number, most: number])[] = [
      ['bytes waiting', now.waitingBytes, this.#size * (maxSuspendedBytesPerAuthor + oneMore)],
      ['blocks waiting', now.waitingBlocks, this.#size * maxSuspendedPerAuthor],
      ['ancestors missing', now.missing, this.#size * now.waitingBlocks],
      ['blocks in memory', now.blocks, slotsPerAuthor * this.#size * rounds],
      ['signatures checked', burden.checked, work],
      ['blocks decoded', burden.decoded, copies * work],
    ]
    const broken = limits.find(([, value, most]) => value > most)
    if (broken === undefined) return undefined
    return `validator ${status.authority} has ${broken[1]} ${broken[0]}, where ${Math.round(broken[2])} are the most`
  }
}

function heldBy(status: ReplicaStatus): Omit<Burden, 'decoded' | 'checked'> {
  return {
    waitingBytes: status.suspendedBytes,
    waitingBlocks: status.suspendedBlocks,
    missing: status.missingBlocks,
    blocks: status.dagBlocks,
  }
}

function heavier(a: Burden, b: Burden): Burden {
  return {
    waitingBytes: Math.max(a.waitingBytes, b.waitingBytes),
    waitingBlocks: Math.max(a.waitingBlocks, b.waitingBlocks),
    missing: Math.max(a.missing, b.missing),
    blocks: Math.max(a.blocks, b.blocks),
    decoded: Math.max(a.decoded, b.decoded),
    checked: Math.max(a.checked, b.checked),
  }
}
