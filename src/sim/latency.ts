import { SimulationUsageError } from './errors.ts'

/** How long messages travel between the validators of a committee. */
export interface Latency {
  /** The preset's name, or `file`. */
  readonly name: string
  /** Milliseconds one way, before jitter: `oneWayMs[from][to]`. */
  readonly oneWayMs: readonly (readonly number[])[]
  /** A message takes up to this fraction longer, by chance. */
  readonly jitter: number
  /** The longest one-way delay between two validators: the unit in which message delays are counted. */
  readonly unitMs: number
}

interface Matrix {
  readonly oneWayMs: readonly (readonly number[])[]
  readonly jitter: number
}

const lanMs = 5

/**
 * Round trips between ten cities in milliseconds, as IBM Cloud measured them from July 27 to August 25, 2024
 * (github.com/ibm-cloud-docs/vpc, network-latency). The order spreads small committees over the world.
 */
const roundTripsMs: Readonly<Record<string, readonly number[]>> = {
  'Washington DC': [0, 91, 164, 118, 31, 75, 214, 19, 87, 172],
  Frankfurt: [91, 0, 233, 198, 123, 13, 250, 93, 29, 232],
  Tokyo: [164, 233, 0, 284, 143, 243, 115, 162, 258, 9],
  'Sao Paulo': [118, 198, 284, 0, 146, 188, 328, 129, 209, 293],
  Dallas: [31, 123, 143, 146, 0, 113, 186, 34, 119, 150],
  London: [75, 13, 243, 188, 113, 0, 261, 82, 27, 244],
  Sydney: [214, 250, 115, 328, 186, 261, 0, 215, 275, 122],
  Toronto: [19, 93, 162, 129, 34, 82, 215, 0, 108, 168],
  Madrid: [87, 29, 258, 209, 119, 27, 275, 108, 0, 257],
  Osaka: [172, 232, 9, 293, 150, 244, 122, 168, 257, 0],
}

const presets: Readonly<Record<string, Matrix>> = {
  lan: { oneWayMs: [[lanMs]], jitter: 0.01 },
  wan: { oneWayMs: Object.values(roundTripsMs).map((row) => row.map((ms) => ms / 2)), jitter: 0.05 },
}

/** Names that stand for a matrix of our own. */
export const latencyPresets: readonly string[] = Object.keys(presets)

/** Names of the places of the `wan` preset, in the order in which validators settle. */
export const wanPlaces: readonly string[] = Object.keys(roundTripsMs)

/**
 * A preset for a committee of a size. Validators settle in the matrix's places in turn; two in one place are as far
 * apart as the matrix's diagonal says, or as on a LAN when it says 0.
 */
export function presetLatency(name: string, validators: number): Latency {
  const matrix = presets[name]
  if (matrix === undefined) throw new SimulationUsageError(`There is no latency preset called ${JSON.stringify(name)}.`)
  return settle(name, matrix, validators)
}

/**
 * Reads a square matrix of one-way milliseconds: JSON (`[[0, 20], [20, 0]]`, or `{"oneWayMs": …, "jitter": 0.05}`), or
 * lines of numbers with spaces or commas between them, `#` starting a comment.
 *
 * @throws SimulationUsageError when it is not a square of numbers from 0 to a minute
 */
export function readLatency(text: string, validators: number): Latency {
  const matrix = /^\s*[[{]/.test(text) ? fromJson(text) : { oneWayMs: fromLines(text), jitter: 0 }
  const { oneWayMs, jitter } = matrix
  const size = oneWayMs.length
  if (size === 0) throw wrong('it holds no rows')
  for (const row of oneWayMs) {
    if (row.length !== size) throw wrong(`it has ${size} rows, but a row of ${row.length} numbers`)
    if (!row.every((ms) => Number.isFinite(ms) && ms >= 0 && ms <= 60_000)) throw wrong('a delay is not 0 to 60000 ms')
  }
  if (!(jitter >= 0 && jitter <= 10)) throw wrong('jitter is a fraction from 0 to 10')
  return settle('file', matrix, validators)
}

/** Every pair `ms` apart, with a jitter of a fraction of it. For tests and random networks. */
export function uniformLatency(ms: number, jitter: number, validators: number): Latency {
  return settle('uniform', { oneWayMs: [[ms]], jitter }, validators)
}

function settle(name: string, matrix: Matrix, validators: number): Latency {
  const places = matrix.oneWayMs.length
  const oneWayMs = Array.from({ length: validators }, (_, from) =>
    Array.from({ length: validators }, (_, to) => {
      if (from === to) return 0
      const ms = matrix.oneWayMs[from % places]![to % places]!
      return ms === 0 && from % places === to % places ? lanMs : ms
    }),
  )
  const unitMs = Math.max(...oneWayMs.flat())
  return { name, oneWayMs, jitter: matrix.jitter, unitMs: unitMs === 0 ? 1 : unitMs }
}

function fromJson(text: string): Matrix {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw wrong('it starts like JSON and is not')
  }
  const { oneWayMs, jitter = 0 } = (Array.isArray(value) ? { oneWayMs: value } : value) as Record<string, unknown>
  if (!Array.isArray(oneWayMs) || !oneWayMs.every((row) => Array.isArray(row) && row.every(isNumber))) {
    throw wrong('"oneWayMs" is not an array of rows of numbers')
  }
  if (!isNumber(jitter)) throw wrong('"jitter" is not a number')
  return { oneWayMs: oneWayMs as number[][], jitter }
}

function fromLines(text: string): number[][] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/[\s,]+/).map(Number))
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function wrong(why: string): SimulationUsageError {
  return new SimulationUsageError(
    `The latency file cannot be used: ${why}.`,
    'Give a square matrix of one-way milliseconds, as JSON or as lines of numbers.',
  )
}
