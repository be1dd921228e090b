import { isSecretHostLabel } from '../core/redact.ts'

/** Which schemes a key takes. */
export type UrlSchemes = 'http' | 'ws'

const examples = { http: 'http://10.0.0.1:8545', ws: 'ws://10.0.0.1:8546' }
const protocols = { http: ['http:', 'https:'], ws: ['ws:', 'wss:'] }
const names = { http: 'an http or https URL', ws: 'a ws or wss URL' }

/** What is wrong with a URL in a place that takes these schemes, and what to write instead; undefined when it is good. */
export function urlProblem(text: string, schemes: UrlSchemes): string | undefined {
  const wanted = `write ${names[schemes]}, for example "${examples[schemes]}"`
  if (/\s/.test(text)) return `it contains white space: ${wanted}`
  const port = /^[a-z+.-]+:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(text)?.[1]
  if (port !== undefined && (Number(port) > 65_535 || Number(port) === 0)) return 'write a port from 1 to 65535'
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return wanted
  const url = new URL(text)
  if (!protocols[schemes].includes(url.protocol)) return wrongScheme(url.protocol, schemes, wanted)
  if (!isDecodable(url.username + url.password)) return 'write "%" in a user name or password as "%25"'
  return url.hash === '' ? undefined : 'remove the part behind "#": it is never sent'
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function wrongScheme(protocol: string, schemes: UrlSchemes, wanted: string): string {
  const other = schemes === 'http' ? 'ws' : 'http'
  if (!protocols[other].includes(protocol)) return wanted
  const key = schemes === 'http' ? 'ws' : 'url'
  return `${names[other]} belongs under "${key}": ${wanted}`
}

/**
 * The name of an upstream that was given none: host and port.
 *
 * @example
 * nameFromUrl('https://rpc.example/key') // 'rpc.example-443'
 */
export function nameFromUrl(text: string): string {
  if (!URL.canParse(text)) return 'upstream'
  const { hostname, port, protocol } = new URL(text)
  // Names are shown everywhere: a label that is a key may not become a part of one.
  const shown = hostname.split('.').filter((label) => !isSecretHostLabel(label))
  const host = shown
    .join('.')
    .replace(/[^a-zA-Z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
  return `${host || 'upstream'}-${port || (/^(https|wss):$/.test(protocol) ? '443' : '80')}`
}
