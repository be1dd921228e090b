import { pino } from 'pino'
import type { Log } from '../core/log.ts'
import { secretRedactor } from '../core/redact.ts'
import type { GlobalFlags } from './globals.ts'
import { oneLine } from './one-line.ts'

/** The log of the running program. */
export interface ProgramLog extends Log {
  /** Writes what is still buffered; call it before the process exits. */
  flush(): void
}

// Lines that nobody reads pile up in memory; beyond this they are dropped.
const longestBacklogBytes = 16_000_000

/**
 * A log to standard error, as JSON lines or for people, in which none of the secrets appears.
 *
 * @example
 * const log = await createLog({ logLevel: 'info', logFormat: 'json' }, ['key-in-a-url'])
 */
export async function createLog(flags: GlobalFlags, secrets: readonly string[]): Promise<ProgramLog> {
  const sink = pino.destination({ dest: 2, sync: false, maxLength: longestBacklogBytes })
  // A closed terminal must not stop the gateway.
  sink.on('error', () => {})
  const redact = secretRedactor(secrets)
  const format = await formatter(flags)
  const log = pino(
    {
      level: flags.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: pino.stdSerializers.err },
    },
    { write: (line: string) => void sink.write(format(redact(line))) },
  )
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    flush: () => sink.flushSync(),
  }
}

async function formatter({ logFormat }: GlobalFlags): Promise<(line: string) => string> {
  if (logFormat === 'json') return (line) => line
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: process.stderr.hasColors?.() ?? false,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: oneLine,
    hideObject: true,
  })
  return (line) => pretty(line) ?? line
}
