import type { Effect, ErrorClass, Evidence } from './error-effects.ts'

/**
 * How evidence is weighed, in this order: structure first, words last.
 * - answer: is it a JSON-RPC answer at all, and does the HTTP status settle it?
 * - structure: codes and data that only the virtual machine or the transaction checks produce;
 * - reverted: the message says so itself, and what follows in it is the contract's own text;
 * - vendor: rules for one vendor's endpoints;
 * - code: JSON-RPC codes that mean the same nearly everywhere;
 * - text: words, from specific to general;
 * - group: the specification's groups of codes, which vendors use for errors of their own as well.
 */
export const stages = ['answer', 'structure', 'reverted', 'vendor', 'code', 'text', 'group'] as const
export type Stage = (typeof stages)[number]

/** Methods that a rule is limited to: `logs` covers all that search logs by a filter. */
export type MethodGroup = 'rawTransaction' | 'logs'

/** One row of the table. Every condition that is given must hold; of the words in `text` one is enough. */
export interface ErrorRule {
  readonly name: string
  readonly class: ErrorClass
  readonly stage: Stage
  /** HTTP statuses, single or from–to. */
  readonly status?: readonly (number | Span)[]
  /** JSON-RPC codes, single or from–to. */
  readonly code?: readonly (number | Span)[]
  /** Lower-case words to be found in the message, or patterns for the lower-case message. */
  readonly text?: readonly (string | RegExp)[]
  /** Words of which one must be found too. */
  readonly and?: readonly (string | RegExp)[]
  /** Words of which none may be found. */
  readonly not?: readonly (string | RegExp)[]
  /** Beginnings of the raw JSON of `data`. */
  readonly data?: readonly string[]
  readonly only?: MethodGroup
  readonly vendor?: string
  /** What there is instead of a JSON-RPC error: a failed transport, or bytes that are no answer. */
  readonly absent?: 'transport' | 'answer'
  /** Where this rule's consequences differ from its class's. */
  readonly effect?: Partial<Effect>
  readonly example: Evidence
  /** Who says so, or why the rule is there. */
  readonly note: string
}

/** From and to, both included. */
export type Span = readonly [number, number]

// Longer messages are judged by their beginning: some nodes put whole call traces in there.
const judgedLength = 2000

/** The message as the rules see it. */
export function wordsOf(evidence: Evidence): string {
  return evidence.error === undefined ? '' : evidence.error.message.slice(0, judgedLength).toLowerCase()
}

/** Whether every condition of a rule holds. `words`: from {@link wordsOf}. */
export function holds(rule: ErrorRule, evidence: Evidence, words: string): boolean {
  if (!inSpans(rule.status, evidence.httpStatus)) return false
  if (rule.only !== undefined && !inGroup(rule.only, evidence.method)) return false
  if (rule.absent !== undefined) return isAbsent(rule.absent, evidence)
  if (rule.stage !== 'answer' && evidence.error === undefined) return false
  if (!inSpans(rule.code, evidence.error?.code)) return false
  if (rule.vendor !== undefined && rule.vendor !== evidence.vendor) return false
  if (rule.text !== undefined && !found(rule.text, words)) return false
  if (rule.and !== undefined && !found(rule.and, words)) return false
  if (rule.not !== undefined && found(rule.not, words)) return false
  return rule.data === undefined || startsLike(rule.data, evidence.error?.data)
}

function isAbsent(what: 'transport' | 'answer', evidence: Evidence): boolean {
  return what === 'transport' ? evidence.transportFailure === true : evidence.error === undefined
}

function inSpans(spans: readonly (number | Span)[] | undefined, value: number | undefined): boolean {
  if (spans === undefined) return true
  if (value === undefined) return false
  return spans.some((span) => (typeof span === 'number' ? span === value : value >= span[0] && value <= span[1]))
}

function inGroup(group: MethodGroup, method: string): boolean {
  return group === 'rawTransaction' ? method === 'eth_sendRawTransaction' : /logs|filter/i.test(method)
}

function found(wanted: readonly (string | RegExp)[], words: string): boolean {
  return wanted.some((one) => (typeof one === 'string' ? words.includes(one) : one.test(words)))
}

function startsLike(beginnings: readonly string[], data: Buffer | undefined): boolean {
  if (data === undefined) return false
  const start = data.toString('latin1', 0, 32).toLowerCase()
  return beginnings.some((beginning) => start.startsWith(beginning))
}
