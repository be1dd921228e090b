import { isSecretHostLabel, redactUrl } from '../../core/redact.ts'
import type { UpstreamOptions } from './options.ts'

/** Every text in an upstream's options that may not appear in any output: header values and the hidden parts of URLs. */
export function secretsOfUpstream(upstream: UpstreamOptions): string[] {
  const values = Object.values(upstream.headers)
  const credentials = values.flatMap((value) => /^(?:Bearer|Basic|Token)\s+(.+)$/i.exec(value)?.[1] ?? [])
  const secrets = [...values, ...credentials, ...urlsOf(upstream).flatMap(secretsOfUrl)]
  return [...new Set(secrets)].filter((text) => text !== '')
}

/** The URLs of an upstream: of its calls, and of its WebSocket where it has one. */
export function urlsOf(upstream: UpstreamOptions): string[] {
  return upstream.ws === undefined ? [upstream.url] : [upstream.url, upstream.ws]
}

function secretsOfUrl(text: string): string[] {
  const url = new URL(text)
  const segments = url.pathname
    .split('/')
    .filter((segment) => segment !== '' && redactUrl(`http://h/${segment}`).endsWith('***'))
  const queries = [...url.searchParams].map(([name, value]) => (value === '' ? name : value))
  const userInfo = [url.username, url.password].map(decodedOrSame)
  const pair = userInfo.join(':')
  // The header that the pair becomes.
  const basic = Buffer.from(pair).toString('base64')
  const ofUser = pair === ':' ? [] : [basic, pair, `${url.username}:${url.password}`, url.username, url.password]
  const labels = url.hostname.split('.').filter(isSecretHostLabel)
  return [...userInfo, ...ofUser, ...segments, ...queries, ...labels]
}

function decodedOrSame(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
