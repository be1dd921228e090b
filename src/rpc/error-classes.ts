import { type Evidence, effects, type Verdict } from './error-effects.ts'
import { errorRules } from './error-patterns.ts'
import { type ErrorRule, holds, wordsOf } from './error-rule.ts'

export {
  type Effect,
  type ErrorClass,
  type ErrorEvidence,
  type Evidence,
  effects,
  type Verdict,
} from './error-effects.ts'
export { vendorOf } from './vendors.ts'

const verdicts = new Map(errorRules.map((rule) => [rule, verdictOf(rule)]))
const unknown: Verdict = { class: 'UNKNOWN', rule: 'no rule', effect: effects.UNKNOWN }

/**
 * Judges a bad answer: the first rule of the table that holds decides. Only for errors and missing answers: a result
 * is never searched for words, whatever it says.
 *
 * @example
 * classify({ method: 'eth_call', httpStatus: 200, error: { code: 3, message: 'daily limit exceeded', hasData: true } })
 * // { class: 'REVERT', … }: a contract chooses its revert text, so the text must not steer routing
 */
export function classify(evidence: Evidence): Verdict {
  const words = wordsOf(evidence)
  const rule = errorRules.find((candidate) => holds(candidate, evidence, words))
  return rule === undefined ? unknown : verdicts.get(rule)!
}

function verdictOf(rule: ErrorRule): Verdict {
  const own = effects[rule.class]
  const effect = rule.effect === undefined ? own : { ...own, ...rule.effect }
  return { class: rule.class, rule: rule.name, effect, basis: basisOf(rule) }
}

function basisOf({ status, code, text }: ErrorRule): Verdict['basis'] {
  if (text !== undefined) return undefined
  return code === undefined ? (status === undefined ? undefined : 'status') : 'code'
}
