const mask = '***'
// "true" and other short words are header values too, and may not vanish from the log.
const shortestSecret = 6

/**
 * A URL as it may be shown to anyone: user information, query values, the fragment and every path segment that is not a
 * plain short word or number become `***`. Also takes text that is not a valid URL, and then hides rather too much.
 *
 * @example
 * redactUrl('https://me:pw@rpc.example/v2/9aF3kQ?token=x') // 'https://***@rpc.example/v2/***?token=***'
 */
export function redactUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:[/\\]+)?([\s\S]*)$/i.exec(url) ?? []
  // A password with a slash in it moves the "@" behind what looks like the end of the host.
  const from = URL.canParse(url) ? 0 : Math.max(0, rest.lastIndexOf('@'))
  const authorityEnd = from + rest.slice(from).search(/[/\\?#]|$/)
  const authority = rest.slice(0, authorityEnd)
  return scheme + redactAuthority(authority) + redactTail(rest.slice(authorityEnd))
}

/** Hides the secrets of every URL in a text, and what follows `Bearer` and `Basic`: for sentences that others wrote. */
export function redactText(text: string): string {
  return text
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`<>]+/gi, (url) => redactUrl(url))
    .replace(/\b(Bearer|Basic)\s+[^\s"',]+/gi, `$1 ${mask}`)
}

/**
 * A function that hides the given secrets wherever they occur in a text, also in their JSON and percent-encoded forms.
 * Secrets shorter than six characters are left alone: hiding them would make holes in ordinary words.
 */
export function secretRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(secrets.filter((secret) => secret.length >= shortestSecret).flatMap(formsOf))
  if (forms.size === 0) return (text) => text
  const longestFirst = [...forms].sort((a, b) => b.length - a.length)
  const pattern = new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g')
  return (text) => text.replace(pattern, mask)
}

/** {@link secretRedactor} for one text. */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  return secretRedactor(secrets)(text)
}

function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  // Some write the slash of a JSON string with a backslash before it.
  return [secret, json, json.replaceAll('/', '\\/'), encodeURIComponent(secret)]
}

function redactAuthority(authority: string): string {
  const at = authority.lastIndexOf('@')
  const host = authority.slice(at + 1)
  return (at < 0 ? '' : `${mask}@`) + host.split('.').map(redactHostLabel).join('.')
}

function redactHostLabel(label: string): string {
  return isSecretHostLabel(label) ? mask : label
}

/** Whether a label of a host name looks like a key: long, letters and digits mixed, or a UUID. */
export function isSecretHostLabel(label: string): boolean {
  return /^(?=.*\d)(?=.*[a-z])[a-z0-9]{20,}$/i.test(label) || /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(label)
}

function redactTail(tail: string): string {
  const [, path = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*)?(#[\s\S]*)?$/.exec(tail) ?? []
  const segments = path.split(/([/\\])/).map((part) => (part.length < 2 || isPlain(part) ? part : mask))
  return segments.join('') + query.replace(/[^?&=]+(=[^&]*)?/g, redactQueryPart) + (fragment === '' ? '' : `#${mask}`)
}

function redactQueryPart(part: string): string {
  const equals = part.indexOf('=')
  return equals < 0 ? mask : `${part.slice(0, equals + 1)}${mask}`
}

function isPlain(segment: string): boolean {
  return segment.length <= 20 && /^(?:[a-z]+(?:[-_.][a-z]+)*|[A-Z]{1,4}|v?\d{1,8})$/.test(segment)
}
