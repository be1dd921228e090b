import { type Clock, realClock } from '../core/clock.ts'
import { type Log, silentLog } from '../core/log.ts'
import { type Random, systemRandom } from '../core/random.ts'
import { programVersion } from '../core/version.ts'

/** What a gateway needs from the world. */
export interface GatewaySeams {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Version of the program, for `/status` and metrics. */
  readonly version: string
  /** Further secrets that may appear nowhere, beside those that the options show. */
  readonly secrets?: readonly string[] | undefined
}

/** The world as it is, with nobody to read a log. */
export function standardSeams(): GatewaySeams {
  return { clock: realClock, random: systemRandom, log: silentLog, version: programVersion() }
}
