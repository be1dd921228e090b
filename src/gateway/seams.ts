import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'

/** What a gateway needs from the world. */
export interface GatewaySeams {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Version of the program, for `/status` and metrics. */
  readonly version: string
}
