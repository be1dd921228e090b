import type { RawHeaders } from '../../http/types.ts'
import type { UpstreamOptions } from '../upstream/options.ts'

/** Where and how one upstream is addressed. */
export interface Endpoint {
  readonly origin: URL
  /** Path and query of the configured URL. */
  readonly path: string
  /** Headers of ours, sent with every request: configured ones, and Authorization from the URL's userinfo. */
  readonly headers: RawHeaders
  /** Lower-case names of the client headers that are passed on here. */
  readonly passed: ReadonlySet<string>
  /** Lower-case names of the configured headers. */
  readonly own: ReadonlySet<string>
}

/**
 * Client headers that go up unless an upstream's own headers replace them: those that a call means something by. For any
 * other an edge may refuse the request, and the refusal would look like one of us all.
 */
const usuallyPassed = [
  'accept',
  'accept-encoding',
  'content-type',
  'content-encoding',
  'date-milliseconds',
  'if-modified-since',
  'if-none-match',
  'last-event-id',
  'traceparent',
  'tracestate',
]
/** Names of the Beacon API, the builders' and Aztec's own headers begin so. */
const passedFamily = /^(eth|aztec|x-aztec)-/
/** One client's fields may not make a head that a node refuses. */
const maxPassedFields = 32
const maxPassedValue = 4096

/** The endpoint of a configured upstream. `userAgent` is what we call ourselves where the config says nothing else. */
export function endpointOf(options: UpstreamOptions, userAgent: string): Endpoint {
  const origin = new URL(options.url)
  const headers = Object.entries(options.headers).flat()
  if (origin.username !== '' || origin.password !== '') {
    const credentials = `${decodeURIComponent(origin.username)}:${decodeURIComponent(origin.password)}`
    headers.push('Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
  }
  const own = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  const names = [...usuallyPassed, ...options.passHeaders]
  const passed = new Set(names.filter((name) => !own.includes(name)))
  if (!own.includes('user-agent') && !passed.has('user-agent')) headers.push('User-Agent', userAgent)
  const path = `${origin.pathname}${origin.search}`
  return { origin, path, headers, passed, own: new Set(own) }
}

/** The client's headers that this endpoint may see, followed by ours. */
export function headersFor(endpoint: Endpoint, clientHeaders: RawHeaders): string[] {
  const headers: string[] = []
  for (let at = 0; at < clientHeaders.length && headers.length < 2 * maxPassedFields; at += 2) {
    const name = clientHeaders[at]!
    if (isPassed(endpoint, name.toLowerCase()) && clientHeaders[at + 1]!.length <= maxPassedValue)
      headers.push(name, clientHeaders[at + 1]!)
  }
  headers.push(...endpoint.headers)
  return headers
}

function isPassed({ passed, own }: Endpoint, name: string): boolean {
  return passed.has(name) || (passedFamily.test(name) && !own.has(name))
}
