import type { RawHeaders } from '../../http/types.ts'
import type { UpstreamOptions } from '../upstream/options.ts'

/** Where and how one upstream is addressed. */
export interface Endpoint {
  readonly origin: URL
  /** Path and query of the configured URL. */
  readonly path: string
  /** Headers of ours, sent with every request: configured ones, and Authorization from the URL's userinfo. */
  readonly headers: RawHeaders
  /** Lower-case names of client headers that are not passed on here. */
  readonly withheld: ReadonlySet<string>
}

/** Client headers that stay here unless an upstream's `passHeaders` names them. */
const usuallyWithheld = ['authorization', 'cookie']

/** The endpoint of a configured upstream. */
export function endpointOf(options: UpstreamOptions): Endpoint {
  const origin = new URL(options.url)
  const headers = Object.entries(options.headers).flat()
  if (origin.username !== '' || origin.password !== '') {
    const credentials = `${decodeURIComponent(origin.username)}:${decodeURIComponent(origin.password)}`
    headers.push('Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
  }
  const own = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  const withheld = usuallyWithheld.filter((name) => !options.passHeaders.includes(name))
  const path = `${origin.pathname}${origin.search}`
  return { origin, path, headers, withheld: new Set([...withheld, ...own]) }
}

/** The client's headers that this endpoint may see, followed by ours. */
export function headersFor(endpoint: Endpoint, clientHeaders: RawHeaders): string[] {
  const headers: string[] = []
  for (let at = 0; at < clientHeaders.length; at += 2) {
    const name = clientHeaders[at]!
    if (!endpoint.withheld.has(name.toLowerCase())) headers.push(name, clientHeaders[at + 1]!)
  }
  headers.push(...endpoint.headers)
  return headers
}
