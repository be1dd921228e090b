import { SimulationUsageError } from './errors.ts'

/** A span of virtual time in milliseconds; `endMs` is infinite when the fault lasts for all of the run. */
export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** Something that happens to one validator's process or disk at one moment. */
export interface ProcessFault {
  readonly kind: 'crash' | 'restart' | 'torn' | 'wipe'
  readonly validator: number
  readonly atMs: number
}

/** The network splits into groups that do not hear each other. A validator named in no group is alone. */
export interface PartitionFault {
  readonly kind: 'partition'
  readonly groups: readonly (readonly number[])[]
  readonly span: Span
}

/** Every message from or to a validator takes `ms` longer. */
export interface DelayFault {
  readonly kind: 'delay'
  readonly validator: number
  readonly ms: number
  readonly span: Span
}

/** Each message meets this fate with a probability. */
export interface MessageFault {
  readonly kind: 'loss' | 'duplicate' | 'corrupt' | 'reorder'
  readonly probability: number
  readonly span: Span
}

/** A validator's consumer takes `ms` for every sub-DAG. */
export interface SlowConsumerFault {
  readonly kind: 'slowConsumer'
  readonly validator: number
  readonly ms: number
}

/** A validator's wall clock is `ms` ahead of the others', or behind when negative. */
export interface ClockFault {
  readonly kind: 'clock'
  readonly validator: number
  readonly ms: number
}

/** An author that cheats for all of the run; `ms` is the delay of a `late` one, else 0. */
export interface CheatFault {
  readonly kind: CheatKind
  readonly validator: number
  readonly ms: number
}

/** The ways in which an author can cheat. */
export type CheatKind = (typeof cheatKinds)[number]

/** One parsed `--fault`. */
export type Fault =
  | ProcessFault
  | PartitionFault
  | DelayFault
  | MessageFault
  | SlowConsumerFault
  | ClockFault
  | CheatFault

/** Cheats that aim at what others hold and do for them. */
export const hostileKinds = ['trust', 'starve', 'lie', 'flood', 'bloat', 'siblings'] as const
const cheatKinds = [
  'equivocate',
  'withhold',
  'late',
  'badSignature',
  'badAncestors',
  'garbage',
  ...hostileKinds,
] as const
const processKinds = ['crash', 'restart', 'torn', 'wipe'] as const
const messageKinds = ['loss', 'duplicate', 'corrupt', 'reorder'] as const

/** Restarted validators come back after this long. */
export const restartMs = 2000

/** How each fault is written, for help texts and error messages. */
export const faultForms: Readonly<Record<Fault['kind'], string>> = {
  crash: 'crash:V@T',
  restart: 'restart:V@T',
  torn: 'torn:V@T',
  wipe: 'wipe:V@T',
  partition: 'partition:0,1|2,3@T-T',
  delay: 'delay:V+MS@T-T',
  loss: 'loss:P@T-T',
  duplicate: 'duplicate:P@T-T',
  corrupt: 'corrupt:P@T-T',
  reorder: 'reorder:P@T-T',
  slowConsumer: 'slowConsumer:V+MS',
  clock: 'clock:V+MS',
  equivocate: 'equivocate:V',
  withhold: 'withhold:V',
  late: 'late:V+MS',
  badSignature: 'badSignature:V',
  badAncestors: 'badAncestors:V',
  garbage: 'garbage:V',
  trust: 'trust:V',
  starve: 'starve:V',
  lie: 'lie:V',
  flood: 'flood:V',
  bloat: 'bloat:V',
  siblings: 'siblings:V',
}

/**
 * Reads one fault as it is written on the command line. Times are seconds of virtual time; a span that is left out is
 * all of the run.
 *
 * @throws SimulationUsageError when the word is unknown, misspelt, or names a validator that the committee lacks
 * @example
 * parseFault('delay:2+300@10-20', 4) // { kind: 'delay', validator: 2, ms: 300, span: { startMs: 10000, endMs: 20000 } }
 */
export function parseFault(text: string, validators: number): Fault {
  const colon = text.indexOf(':')
  const kind = known(colon < 0 ? text : text.slice(0, colon))
  const reader = new SpecReader(text, colon < 0 ? '' : text.slice(colon + 1), kind, validators)
  if (isOneOf(processKinds, kind)) return { kind, ...reader.validatorAt() }
  if (isOneOf(messageKinds, kind)) return { kind, ...reader.probability() }
  if (kind === 'partition') return { kind, ...reader.groups() }
  if (kind === 'delay') return { kind, ...reader.delay() }
  if (kind === 'clock') return { kind, ...reader.validatorApart() }
  if (kind === 'slowConsumer' || kind === 'late') return { kind, ...reader.validatorPlus() }
  return { kind, validator: reader.validatorOnly(), ms: 0 }
}

/** Whether the fault is an author that breaks the protocol on purpose. */
export function isCheat(fault: Fault): fault is CheatFault {
  return isOneOf(cheatKinds, fault.kind)
}

/** Whether the fault is an author that aims at what others hold and do. */
export function isHostile(fault: Fault): fault is CheatFault {
  return isOneOf(hostileKinds, fault.kind)
}

/** Whether the fault stops a validator's process. */
export function isProcessFault(fault: Fault): fault is ProcessFault {
  return isOneOf(processKinds, fault.kind)
}

/** Whether the fault is a chance that each message takes. */
export function isMessageFault(fault: Fault): fault is MessageFault {
  return isOneOf(messageKinds, fault.kind)
}

function isOneOf<T extends string>(list: readonly T[], word: string): word is T {
  return (list as readonly string[]).includes(word)
}

function known(word: string): Fault['kind'] {
  if (Object.hasOwn(faultForms, word)) return word as Fault['kind']
  const lower = word.toLowerCase()
  const near = Object.keys(faultForms).find((kind) => kind.toLowerCase().startsWith(lower.slice(0, 3)) && lower !== '')
  throw new SimulationUsageError(
    `There is no fault called ${JSON.stringify(word)}.`,
    near === undefined ? `Faults are ${Object.keys(faultForms).join(', ')}.` : `Did you mean ${near}?`,
  )
}

class SpecReader {
  readonly #text: string
  readonly #rest: string
  readonly #kind: Fault['kind']
  readonly #validators: number

  constructor(text: string, rest: string, kind: Fault['kind'], validators: number) {
    this.#text = text
    this.#rest = rest
    this.#kind = kind
    this.#validators = validators
  }

  validatorOnly(): number {
    return this.#validator(this.#match(/^(\d+)$/)[1])
  }

  validatorAt(): { validator: number; atMs: number } {
    const match = this.#match(/^(\d+)@(\d+(?:\.\d+)?)s?$/)
    return { validator: this.#validator(match[1]), atMs: seconds(match[2]) }
  }

  validatorPlus(): { validator: number; ms: number } {
    const match = this.#match(/^(\d+)\+(\d+(?:\.\d+)?)(?:ms)?$/)
    return { validator: this.#validator(match[1]), ms: Number(match[2]) }
  }

  validatorApart(): { validator: number; ms: number } {
    const match = this.#match(/^(\d+)([+-]\d+(?:\.\d+)?)(?:ms)?$/)
    return { validator: this.#validator(match[1]), ms: Number(match[2]) }
  }

  delay(): { validator: number; ms: number; span: Span } {
    const match = this.#match(/^(\d+)\+(\d+(?:\.\d+)?)(?:ms)?(?:@(.*))?$/)
    return { validator: this.#validator(match[1]), ms: Number(match[2]), span: this.#span(match[3]) }
  }

  probability(): { probability: number; span: Span } {
    const match = this.#match(/^(\d*\.?\d+)(?:@(.*))?$/)
    const probability = Number(match[1])
    if (probability > 1) throw this.#wrong('P is a probability from 0 to 1')
    return { probability, span: this.#span(match[2]) }
  }

  groups(): { groups: number[][]; span: Span } {
    const match = this.#match(/^([\d,|]+)(?:@(.*))?$/)
    const groups = (match[1] ?? '').split('|').map((group) => group.split(',').map((name) => this.#validator(name)))
    const named = groups.flat()
    if (new Set(named).size !== named.length) throw this.#wrong('a validator stands in two groups')
    return { groups, span: this.#span(match[2]) }
  }

  #span(text: string | undefined): Span {
    if (text === undefined) return { startMs: 0, endMs: Number.POSITIVE_INFINITY }
    const match = /^(\d+(?:\.\d+)?)s?-(\d+(?:\.\d+)?)s?$/.exec(text)
    if (match === null) throw this.#wrong('a span is written T-T, in seconds')
    const span = { startMs: seconds(match[1]), endMs: seconds(match[2]) }
    if (span.endMs <= span.startMs) throw this.#wrong('the span ends before it starts')
    return span
  }

  #validator(text: string | undefined): number {
    const validator = text === undefined || text === '' ? Number.NaN : Number(text)
    if (!Number.isSafeInteger(validator)) throw this.#wrong('V is a validator, counted from 0')
    if (validator >= this.#validators) throw this.#wrong(`validators are 0 to ${this.#validators - 1}`)
    return validator
  }

  #match(pattern: RegExp): RegExpExecArray {
    const match = pattern.exec(this.#rest)
    if (match === null) throw this.#wrong('it does not have that form')
    return match
  }

  #wrong(why: string): SimulationUsageError {
    return new SimulationUsageError(
      `The fault ${JSON.stringify(this.#text)} cannot be read: ${why}.`,
      `Write ${faultForms[this.#kind]}.`,
    )
  }
}

function seconds(text: string | undefined): number {
  return Math.round(Number(text) * 1000)
}
