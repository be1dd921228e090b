import { SimulationUsageError } from './errors.ts'
import { type Fault, parseFault } from './faults.ts'

/** The command line's words, as they came. */
export interface SimulateWords {
  readonly validators: string
  readonly seed: string
  readonly latency: string
  readonly load: string
  readonly for: string
  readonly fault: readonly string[]
  readonly leaders: string
  readonly stakes?: string
  readonly votes?: true
}

/** The command line understood; `latency` is still a preset's name or a file's. */
export interface SimulateArguments {
  readonly validators: number
  readonly seed: number
  readonly latency: string
  /** Transactions per second. */
  readonly load: number
  readonly forMs: number
  readonly faults: readonly Fault[]
  readonly leaders: number
  readonly stakes: readonly number[]
  readonly votes: boolean
}

const mostValidators = 100
const mostStake = 1_000_000

/**
 * Reads the words of `drawbridge simulate`.
 *
 * @throws SimulationUsageError for anything that is not a number in its range, a duration or a fault
 */
export function readArguments(words: SimulateWords): SimulateArguments {
  const validators = wholeNumber('--validators', words.validators, 1, mostValidators)
  return {
    validators,
    seed: wholeNumber('--seed', words.seed, 0, 0xffff_ffff),
    latency: words.latency,
    load: wholeNumber('--load', words.load, 0, 1_000_000),
    forMs: readDuration('--for', words.for),
    faults: words.fault.map((text) => parseFault(text, validators)),
    leaders: wholeNumber('--leaders', words.leaders, 1, validators),
    stakes: readStakes(words.stakes, validators),
    votes: words.votes === true,
  }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 }

/** Milliseconds of `250ms`, `60s`, `2m`, `1h`; a bare number is seconds. */
export function readDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(text)
  const ms = match === null ? 0 : Number(match[1]) * units[match[2]!]!
  if (ms >= 1 && ms <= 7 * 24 * units['h']!) return ms
  throw new SimulationUsageError(`${flag} ${text} is not a duration.`, 'Write 500ms, 60s, 2m or 1h; at most a week.')
}

function readStakes(text: string | undefined, validators: number): readonly number[] {
  const stakes = text === undefined ? [] : text.split(',').map((word) => wholeNumber('--stakes', word, 1, mostStake))
  if (stakes.length <= validators) return stakes
  throw new SimulationUsageError(`--stakes names ${stakes.length} stakes for ${validators} validators.`)
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new SimulationUsageError(`${flag} ${text} is not a whole number from ${least} to ${most}.`)
}
