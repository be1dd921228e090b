import type { RestCall } from '../../rpc/call.ts'
import { type Effect, type ErrorClass, effects, type Verdict } from '../../rpc/error-classes.ts'

/** Classes of the statuses that the Beacon API and the proxies before it use; what is missing is a good answer. */
const classes: ReadonlyMap<number, ErrorClass> = new Map([
  [400, 'CLIENT'],
  [401, 'AUTH'],
  [402, 'BILL'],
  [403, 'AUTH'],
  [404, 'MISS'],
  [405, 'UNSUP'],
  [413, 'RANGE'],
  [429, 'RATE'],
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

/** The verdict on a REST status; undefined for a good answer. Bodies are never searched. */
export function judgeStatus(call: RestCall, status: number): Verdict | undefined {
  // A node's own report of its state is a good answer, whatever it reports.
  if (call.label.includes('/node/health') && status !== 502 && status !== 504) return undefined
  const errorClass = classes.get(status) ?? (status >= 520 && status <= 530 ? 'NODE' : undefined)
  if (errorClass === undefined) return undefined
  const effect = errorClass === 'AUTH' ? refusedHere : effects[errorClass]
  return { class: errorClass, rule: `HTTP ${status}`, effect }
}
