import type { ProgramLog } from './log.ts'

/** What a signal stops. */
export interface Stoppable {
  /** Stops accepting and lets calls in flight finish. */
  drain(): Promise<void>
  /** Releases everything. */
  close(): Promise<void>
}

/**
 * Resolves once SIGTERM or SIGINT came and everything has been drained and closed. A second signal ends the process at
 * once with exit code 1. SIGHUP ends nothing.
 */
export function stopOnSignal(target: Stoppable, log: ProgramLog): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping) {
        log.flush()
        process.exit(1)
      }
      stopping = true
      log.info({ signal }, 'stopping: calls in flight may finish; the same signal again stops at once')
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
