import type { ProgramLog } from './log.ts'

/**
 * Ends the process with exit code 1 on an error that nobody caught, rejections included. Node would print it itself, but
 * past the log, which hides the secrets in it.
 */
export function endOnCrash(log: ProgramLog): void {
  process.on('uncaughtException', (error) => {
    log.error({ error }, 'an error that nobody caught: this is a bug in Drawbridge, please report it')
    log.flush()
    process.exit(1)
  })
}
