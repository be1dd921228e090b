/** Fields of one log line. */
export type LogFields = Record<string, unknown>

/** The seam through which every room logs. `pino` stands behind it in the program, nothing in most tests. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

const nothing = (): void => {}

/** A log that keeps silent. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
