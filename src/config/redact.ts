import { redactUrl } from '../core/redact.ts'
import type { GatewayOptions } from '../gateway/options.ts'
import type { UpstreamOptions } from '../gateway/upstream/options.ts'
import { secretsOfUpstream, urlsOf } from '../gateway/upstream/secrets.ts'
import type { Expansion } from './environment.ts'

/**
 * Every text in the options that may not appear in any output: header values, the parts of URLs that
 * {@link redactUrl} hides, and what the environment gave to a URL behind its host.
 */
export function secretsOf(options: GatewayOptions, taken: Expansion['taken'] = []): string[] {
  const upstreams = options.networks.flatMap((network) => network.upstreams)
  const behindHosts = upstreams.flatMap((upstream) => urlsOf(upstream).map(behindHost))
  const fromEnvironment = taken
    .map(({ value }) => value)
    .filter((value) => behindHosts.some((text) => text.includes(value)))
  return [...new Set([...upstreams.flatMap(secretsOfUpstream), ...fromEnvironment])].filter((text) => text !== '')
}

/** The options as they may be shown: no header value, and every URL without its secrets. */
export function redactOptions(options: GatewayOptions): GatewayOptions {
  return {
    ...options,
    networks: options.networks.map((network) => ({ ...network, upstreams: network.upstreams.map(redactUpstream) })),
  }
}

function redactUpstream(upstream: UpstreamOptions): UpstreamOptions {
  const headers = Object.fromEntries(Object.keys(upstream.headers).map((name) => [name, '***']))
  const shown = { ...upstream, url: redactUrl(upstream.url), headers }
  return upstream.ws === undefined ? shown : { ...shown, ws: redactUrl(upstream.ws) }
}

function behindHost(text: string): string {
  const url = new URL(text)
  return `${url.username}:${url.password}${url.pathname}${url.search}`
}
