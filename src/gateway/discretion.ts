import type { Log, LogFields } from '../core/log.ts'
import { redactText, secretRedactor } from '../core/redact.ts'
import type { GatewayOptions } from './options.ts'
import { secretsOfUpstream } from './upstream/secrets.ts'

/** Hides the secrets of a config in what leaves the gateway. */
export interface Discretion {
  /** Nothing is secret: there is nothing to do. */
  readonly idle: boolean
  text(text: string): string
  /** Bytes that hold no secret come back as they are. */
  bytes(bytes: Buffer): Buffer
}

/** @param more secrets that the options do not show, such as a variable that became a part of a segment */
export function discretionFor(options: GatewayOptions, more: readonly string[] = []): Discretion {
  const secrets = [...options.networks.flatMap(({ upstreams }) => upstreams.flatMap(secretsOfUpstream)), ...more]
  const text = secretRedactor(secrets)
  const inBytes = secretRedactor(secrets.map((secret) => Buffer.from(secret).toString('latin1')))
  return {
    idle: secrets.length === 0,
    text,
    bytes: (bytes) => {
      const before = bytes.toString('latin1')
      const after = inBytes(before)
      return after === before ? bytes : Buffer.from(after, 'latin1')
    },
  }
}

/** A log in which none of the secrets appears, nor those of URLs that others wrote. */
export function discreetLog(log: Log, { text }: Discretion): Log {
  const hide = (value: unknown): unknown => (typeof value === 'string' ? text(redactText(value)) : value)
  const hidden = (fields: LogFields): LogFields =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, hide(value)]))
  return {
    debug: (fields, message) => log.debug(hidden(fields), message),
    info: (fields, message) => log.info(hidden(fields), message),
    warn: (fields, message) => log.warn(hidden(fields), message),
    error: (fields, message) => log.error(hidden(fields), message),
  }
}
