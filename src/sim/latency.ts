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
 * Median round trips between thirteen AWS regions in milliseconds, as cloudping.co measures them; of the two directions
 * the slower. The order spreads small committees over the world.
 */
const roundTripsMs: Readonly<Record<string, readonly number[]>> = {
  'us-east-1': [0, 92, 146, 64, 70, 213, 15, 112, 199, 76, 83, 174, 186],
  'eu-central-1': [92, 0, 223, 141, 27, 158, 92, 22, 249, 17, 12, 223, 110],
  'ap-northeast-1': [146, 223, 0, 98, 201, 69, 144, 243, 109, 211, 216, 34, 126],
  'us-west-2': [64, 141, 98, 0, 119, 162, 60, 159, 140, 128, 134, 120, 218],
  'eu-west-1': [70, 27, 201, 119, 0, 182, 70, 42, 256, 13, 18, 230, 120],
  'ap-southeast-1': [213, 158, 69, 162, 182, 0, 210, 178, 93, 171, 167, 70, 58],
  'ca-central-1': [15, 92, 144, 60, 70, 210, 0, 108, 198, 78, 84, 172, 187],
  'eu-north-1': [112, 22, 243, 159, 42, 178, 108, 0, 295, 33, 30, 242, 131],
  'ap-southeast-2': [199, 249, 109, 140, 256, 93, 198, 295, 0, 265, 279, 142, 146],
  'eu-west-2': [76, 17, 211, 128, 13, 171, 78, 33, 265, 0, 10, 238, 111],
  'eu-west-3': [83, 12, 216, 134, 18, 167, 84, 30, 279, 10, 0, 246, 104],
  'ap-northeast-2': [174, 223, 34, 120, 230, 70, 172, 242, 142, 238, 246, 0, 126],
  'ap-south-1': [186, 110, 126, 218, 120, 58, 187, 131, 146, 111, 104, 126, 0],
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
  return { name, oneWayMs, jitter: matrix.jitter, unitMs: unitMs === 0 ? lanMs : unitMs }
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
