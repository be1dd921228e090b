import type { Clock } from '../core/clock.ts'
import type { ProgramLog } from './log.ts'

/** What a signal stops. */
export interface Stoppable {
  /** Stops accepting and lets calls in flight finish. */
  drain(): Promise<void>
  /** Releases everything. */
  close(): Promise<void>
}

/** One wish to stop may come twice: a terminal signals its whole group, and npm passes on what it got as well. */
const oneWishMs = 250

/**
 * Resolves once SIGTERM or SIGINT came and everything has been drained and closed. A signal that comes
 * later than a moment after the first ends the process at once with exit code 1. SIGHUP ends nothing.
 */
export function stopOnSignal(target: Stoppable, log: ProgramLog, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    let stoppingSince: number | undefined
    const stop = (signal: NodeJS.Signals): void => {
      if (stoppingSince !== undefined) {
        if (clock.now() - stoppingSince < oneWishMs) {
          log.info({ signal }, 'stopping already: taken for the first signal, which came a moment ago')
          return
        }
        log.flush()
        process.exit(1)
      }
      stoppingSince = clock.now()
      log.info({ signal }, 'stopping: calls in flight may finish; another signal stops at once')
      target
        .drain()
        .then(() => target.close())
        .then(resolve, reject)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    // Its default would end the process, and cut every call, for a terminal that closes or a habit from other servers.
    process.on('SIGHUP', () =>
      log.warn({ signal: 'SIGHUP' }, 'ignored: this version reads its config only at the start'),
    )
  })
}
