import type { Call, Outcome, RpcCall } from '../../rpc/call.ts'
import type { ErrorClass } from '../../rpc/error-classes.ts'
import { discard } from '../upstream/pool.ts'
import { filterOf } from './log-filter.ts'

/** How much an outcome is worth to the client, best first. */
const worth: Record<ErrorClass, number> = {
  REVERT: 1,
  DUP: 1,
  NONCE: 1,
  TXREJ: 2,
  CLIENT: 2,
  UNKNOWN: 3,
  MISS: 4,
  RANGE: 4,
  ADDR: 4,
  UNSUP: 5,
  RATE: 6,
  SYNC: 7,
  AUTH: 7,
  BILL: 7,
  NODE: 8,
}

/** The outcome that tells the client more; what still flows of the other is given up. */
export function better(one: Outcome, other: Outcome): Outcome {
  const [kept, lost] = tellsMore(other, one) ? [other, one] : [one, other]
  discard(lost)
  return kept
}

/** Whether an outcome is worth more to the client than another. */
export function tellsMore(one: Outcome, other: Outcome): boolean {
  return worthOf(one) < worthOf(other)
}

function worthOf(outcome: Outcome): number {
  if (outcome.upstream === undefined) return 9
  return outcome.verdict === undefined ? 0 : worth[outcome.verdict.class]
}

/** Whether another upstream may and should be asked after this outcome. */
export function mayGoElsewhere(call: Call, outcome: Outcome): boolean {
  const { verdict } = outcome
  if (verdict === undefined) return false
  switch (verdict.effect.retry) {
    case 'split':
      return !(verdict.class === 'RANGE' && isDivisible(call)) && mayRepeat(call, outcome)
    case 'no':
    case 'lookUpHash':
    case 'succeed':
      return false
    case 'rawTransactionOnce':
      return call.repeat === 'rawTransaction' && call.trail.attempts === 1
    case 'elsewhere':
    case 'archive':
    case 'compare':
      return mayRepeat(call, outcome)
  }
}

function mayRepeat(call: Call, outcome: Outcome): boolean {
  return call.repeat !== 'never' || !outcome.mayHaveActed || turnedAway(outcome)
}

/** Whether a call can be asked in pieces: what cannot is too large for one node alone, and another may take more. */
function isDivisible(call: Call): boolean {
  if (call.name !== 'eth_getLogs' || !('traits' in call)) return false
  const filter = filterOf(call as RpcCall)
  if (filter === undefined || filter['blockHash'] !== undefined) return false
  const { fromBlock = 'latest', toBlock = 'latest' } = filter
  return fromBlock !== toBlock
}

/** The upstream did not even begin: it has no such method, no time or no key for us. Asking the next one costs no retry. */
export function turnedAway({ verdict }: Outcome): boolean {
  if (verdict === undefined) return false
  return ['unsupportedMethod', 'backOff', 'cordon', 'notEligible'].includes(verdict.effect.remember)
}

/** Whether two upstreams gave the same error, word for word. */
export function sameError(one: Outcome, other: Outcome): boolean {
  const [a, b] = [one.answer, other.answer]
  return a.kind === 'error' && b.kind === 'error' && a.error.equals(b.error)
}
