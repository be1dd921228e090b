import type { ConsensusParameters } from '../../src/consensus/parameters.ts'
import { type Random, seededRandom } from '../../src/core/random.ts'
import type { ReplicaParameters } from '../../src/replica/parameters.ts'
import { parseFault } from '../../src/sim/faults.ts'
import { type Latency, uniformLatency } from '../../src/sim/latency.ts'
import type { SimulationOptions } from '../../src/sim/simulation.ts'

/** A run drawn by chance, with what must come of it. */
export interface Scenario {
  readonly options: SimulationOptions
  /** The faults as they are written on the command line. */
  readonly words: readonly string[]
  /** Whether the committee must go on, or must stand still because more than it can bear are down. */
  readonly expected: 'ok' | 'stalled'
}

const cheats = [
  ...['equivocate', 'withhold', 'late', 'badSignature', 'badAncestors', 'garbage'],
  ...['trust', 'starve', 'lie', 'flood', 'bloat', 'siblings'],
]

/** What happens besides the weather and the faulty few. */
type Plot = 'nothing' | 'halt' | 'powerCut' | 'rollingRestart'

const plots: readonly Plot[] = ['halt', 'powerCut', 'rollingRestart', 'rollingRestart']

/**
 * Draws a committee of 4 to 10 (small ones more often), a network, and up to f faulty validators. One scenario in twelve
 * has f + 1 of them down for good, one cuts the power of all at once, and two restart all, one after the other. The same
 * seed draws the same scenario.
 */
export function drawScenario(seed: number): Scenario {
  const chance = seededRandom(seed ^ 0x5eed)
  const validators = 4 + Math.floor(7 * chance.float() ** 2)
  const stakes = drawStakes(chance, validators)
  const plot = plots[chance.int(12)] ?? 'nothing'
  const words = [...weather(chance, validators, 2000), ...clocks(chance, validators), ...act(chance, plot, stakes)]
  const latency = drawLatency(chance, validators)
  return {
    options: {
      validators,
      stakes,
      seed,
      latency,
      load: 20 + chance.int(100),
      forMs: 3000 + chance.int(1200) + overtimeMs[plot],
      faults: words.map((word) => parseFault(word, validators)),
      leaders: chance.float() < 0.2 ? 2 : 1,
      votes: chance.float() < 0.25,
      signatures: seed % 50 === 0 ? 'ed25519' : 'hash',
      syncMs: 40 * chance.float() ** 2,
      parameters: { ...impatience(chance, latency), ...shortMemory(chance), ...littleRoom(chance) },
      replica: { ...smallDisk(chance), ...penalties(chance) },
    },
    words,
    expected: plot === 'halt' ? 'stalled' : 'ok',
  }
}

// After a halt a straggler that was cut off may still complete a certificate: it gets time for that.
const overtimeMs: Readonly<Record<Plot, number>> = { nothing: 0, halt: 5000, powerCut: 0, rollingRestart: 2000 }

function act(chance: Random, plot: Plot, stakes: readonly number[]): string[] {
  const order = shuffled(chance, stakes.length)
  const few = bearable(order, stakes)
  if (plot === 'halt') return [...few, order.find((v) => !few.includes(v))!].map((v) => `crash:${v}@1.2`)
  return [...faulty(chance, few.slice(0, chance.int(few.length + 1))), ...blackout(chance, plot, order)]
}

/** As many as the committee bears, in this order. */
function bearable(order: readonly number[], stakes: readonly number[]): readonly number[] {
  let left = bearableStake(stakes)
  return order.filter((validator) => {
    const fits = stakes[validator]! <= left
    if (fits) left -= stakes[validator]!
    return fits
  })
}

function blackout(chance: Random, plot: Plot, order: readonly number[]): string[] {
  if (plot === 'powerCut') return order.map((v) => `torn:${v}@1.4`)
  if (plot === 'nothing') return []
  return order.map((v, turn) => `${chance.int(2) === 0 ? 'torn' : 'restart'}:${v}@${at(1000 + 300 * turn)}`)
}

function drawLatency(chance: Random, validators: number): Latency {
  const base = 30 + chance.int(70)
  const uniform = uniformLatency(base, 2 * chance.float(), validators)
  if (chance.float() < 0.5) return uniform
  const oneWayMs = uniform.oneWayMs.map((row) => row.map((ms) => (ms === 0 ? 0 : 10 + chance.int(2 * base))))
  return { ...uniform, oneWayMs, unitMs: Math.max(...oneWayMs.flat()) }
}

// Impatient validators go on without the leader now and then: their DAGs are ragged, and leaders are skipped, or decided
// by later ones.
function impatience(chance: Random, { unitMs }: Latency): Partial<ConsensusParameters> {
  if (chance.float() < 0.4) return {}
  return { leaderTimeoutMs: unitMs * (0.8 + chance.float()), minRoundDelayMs: chance.int(50) }
}

// Runs are short: with the usual depths nothing would ever be collected, no schedule would end and nobody would lag far.
function shortMemory(chance: Random): Partial<ConsensusParameters> {
  if (chance.float() < 0.3) return {}
  return { gcDepth: 5 + chance.int(20), commitsPerSchedule: chance.int(20), maxCommitLag: 10 + chance.int(40) }
}

// A segment must hold a few rounds: the votes that prove a commit are looked for in the segments next to its own.
function smallDisk(chance: Random): Partial<ReplicaParameters> {
  if (chance.float() < 0.3) return {}
  return { segmentBytes: 32_768 << chance.int(5), commitSyncBatch: 2 + chance.int(20), commitSyncIntervalMs: 200 }
}

// Nothing that waits may be more than this, whoever sends it.
function littleRoom(chance: Random): Partial<ConsensusParameters> {
  if (chance.float() < 0.5) return {}
  return { maxSuspendedPerAuthor: 20 + chance.int(100), maxSuspendedBytesPerAuthor: 100_000 << chance.int(5) }
}

// With the usual penalty who offends once is silent for the rest of a short run.
function penalties(chance: Random): Partial<ReplicaParameters> {
  return chance.float() < 0.3 ? {} : { penaltyMs: { first: 20 + chance.int(200), longest: 200 + chance.int(1000) } }
}

// Nobody may hold more than the committee bears the loss of.
function drawStakes(chance: Random, validators: number): readonly number[] {
  const equal = chance.float() < 0.6
  let stakes = Array.from({ length: validators }, () => (equal ? 1 : 1 + chance.int(5)))
  while (!stakes.every((stake) => stake <= bearableStake(stakes))) stakes = stakes.map((stake) => stake + 1)
  return stakes
}

function bearableStake(stakes: readonly number[]): number {
  const total = stakes.reduce((sum, stake) => sum + stake, 0)
  return total - Math.floor((2 * total) / 3) - 1
}

function clocks(chance: Random, validators: number): string[] {
  if (chance.float() < 0.7) return []
  return Array.from({ length: 1 + chance.int(2) }, () => {
    const ms = chance.int(4) === 0 ? chance.int(3_600_000) : chance.int(2000)
    return `clock:${chance.int(validators)}${chance.int(2) === 0 ? '+' : '-'}${ms}`
  })
}

function weather(chance: Random, validators: number, untilMs: number): string[] {
  const words: string[] = []
  const span = (): string => {
    const start = chance.int(untilMs - 200)
    return `@${at(start)}-${at(start + 100 + chance.int(untilMs - start - 100))}`
  }
  const maybe = (probability: number, word: () => string): void => {
    if (chance.float() < probability) words.push(`${word()}${span()}`)
  }
  maybe(0.3, () => `loss:${share(chance, 0.2)}`)
  maybe(0.3, () => `duplicate:${share(chance, 0.3)}`)
  maybe(0.3, () => `reorder:${share(chance, 0.3)}`)
  maybe(0.2, () => `corrupt:${share(chance, 0.02)}`)
  maybe(0.25, () => `delay:${chance.int(validators)}+${chance.int(400)}`)
  for (let more = 0; more < 4; more++) maybe(0.3, () => `partition:${split(chance, validators)}`)
  return words
}

function faulty(chance: Random, validators: readonly number[]): string[] {
  return validators.map((validator) => {
    const kind = chance.int(14)
    const moment = at(chance.int(2400))
    if (kind === 0) return `crash:${validator}@${moment}`
    if (kind === 1) return `restart:${validator}@${moment}`
    if (kind === 2) return `torn:${validator}@${moment}`
    if (kind === 3) return `wipe:${validator}@${moment}`
    if (kind === 4) return `slowConsumer:${validator}+${10 + chance.int(300)}`
    const cheat = cheats[chance.int(cheats.length)]!
    return cheat === 'late' ? `late:${validator}+${50 + chance.int(500)}` : `${cheat}:${validator}`
  })
}

function split(chance: Random, validators: number): string {
  const order = shuffled(chance, validators)
  const cut = 1 + chance.int(validators - 1)
  return `${order.slice(0, cut).join(',')}|${order.slice(cut).join(',')}`
}

function shuffled(chance: Random, count: number): number[] {
  const order = Array.from({ length: count }, (_, at) => at)
  for (let at = count - 1; at > 0; at--) {
    const other = chance.int(at + 1)
    const held = order[at]!
    order[at] = order[other]!
    order[other] = held
  }
  return order
}

function share(chance: Random, most: number): string {
  return (0.005 + chance.float() * most).toFixed(3)
}

function at(ms: number): string {
  return (ms / 1000).toFixed(3)
}
