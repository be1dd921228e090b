import type { RestCall } from '../../rpc/call.ts'
import { type Effect, type ErrorClass, effects, type Verdict } from '../../rpc/error-classes.ts'
import { complaintsOf, isBehind, isKnown } from './said.ts'

/** Classes of the statuses that the Beacon API and the proxies before it use; what is missing is a good answer. */
const classes: ReadonlyMap<number, ErrorClass> = new Map([
  [400, 'CLIENT'],
  [401, 'AUTH'],
  [402, 'BILL'],
  [403, 'AUTH'],
  [404, 'MISS'],
  [405, 'UNSUP'],
  [406, 'UNSUP'],
  [408, 'NODE'],
  [410, 'MISS'],
  [413, 'RANGE'],
  [414, 'RANGE'],
  [415, 'UNSUP'],
  [421, 'MISS'],
  [425, 'MISS'],
  [429, 'RATE'],
  [431, 'RANGE'],
  [451, 'MISS'],
  [500, 'NODE'],
  [501, 'UNSUP'],
  [502, 'NODE'],
  // Beacon API: "Beacon node is currently syncing, try again later".
  [503, 'SYNC'],
  [504, 'NODE'],
])

/**
 * A refused request says nothing of the others: nodes forbid single addresses, and the credentials may be the client's.
 * Where our own key is refused, the probes fail as well.
 */
const refusedHere: Effect = { ...effects.AUTH, remember: 'nothing' }

const published =
  /^POST \/eth\/v\d\/(?:beacon\/(?:blocks|blinded_blocks|pool\/\S+)|validator\/(?:aggregate_and_proofs|contribution_and_proofs))$/

/**
 * The verdict on a REST answer; undefined for a good one. Bodies are searched where the status alone calls the client
 * wrong, and only then.
 *
 * @param body of an error, where it is short and known
 */
export function judgeAnswer(call: RestCall, status: number, body?: Buffer): Verdict | undefined {
  const verdict = judgeStatus(call, status)
  if (verdict === undefined || body === undefined || body.length === 0 || status === 401 || status === 403)
    return verdict
  const complaints = complaintsOf(body)
  // Without a repeat of ours, that it is known is news to the client.
  if (call.trail.attempts > 1 && published.test(call.label) && isKnown(complaints)) {
    return { class: 'DUP', rule: `HTTP ${status}: it is known already`, effect: effects.DUP }
  }
  if (status !== 400 || !isBehind(complaints)) return verdict
  return { class: 'MISS', rule: 'HTTP 400: it does not know yet', effect: effects.MISS }
}

/** The verdict on a REST status; undefined for a good answer. */
export function judgeStatus(call: RestCall, status: number): Verdict | undefined {
  // A node's own report of its state is a good answer, whatever it reports.
  if (call.label.includes('/node/health') && status !== 502 && status !== 504) return undefined
  const errorClass = classes.get(status) ?? classOfRest(status)
  if (errorClass === undefined) return undefined
  const effect = errorClass === 'AUTH' ? refusedHere : effects[errorClass]
  return { class: errorClass, rule: `HTTP ${status}`, effect, basis: 'status' }
}

/** Where a node or its edge points to is no answer, and no other failure of a server is one. */
function classOfRest(status: number): ErrorClass | undefined {
  if (status >= 500) return 'NODE'
  return status >= 300 && status < 400 && status !== 304 ? 'MISS' : undefined
}
