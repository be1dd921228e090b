/** What stands before the fields or behind them, and what whoever has just started the program knows. */
const shownElsewhere = new Set(['level', 'time', 'msg', 'error', 'version', 'config'])
const plain = /^[^\s"=]+$/

/**
 * An event of the log in one line for people: what happened, then its fields. Only the stack of an error follows on
 * lines of its own: whoever reports it needs it.
 *
 * @example
 * oneLine({ msg: 'upstream lost', upstream: 'a', reason: 'connection refused' })
 * // 'upstream lost  upstream=a reason="connection refused"'
 */
export function oneLine(event: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(event).filter(([name, value]) => !shownElsewhere.has(name) && value !== undefined)
  const text = [String(event['msg'] ?? ''), fields.map(([name, value]) => `${name}=${valueText(value)}`).join(' ')]
  return text.filter((part) => part !== '').join('  ') + errorText(event['error'])
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && plain.test(value)) return value
  return JSON.stringify(value) ?? String(value)
}

function errorText(error: unknown): string {
  if (error === undefined) return ''
  const { stack } = Object(error) as { stack?: unknown }
  return typeof stack === 'string' ? `\n${stack}` : `  error=${valueText(error)}`
}
