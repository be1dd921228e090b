import { formatListen, type ListenAddress } from '../config/listen.ts'
import { redactSecrets, redactUrl } from '../core/redact.ts'
import type { GatewayOptions, NetworkOptions } from '../gateway/options.ts'

/** The one line that says where the gateway listens and what stands behind it. */
export function listeningLine(address: ListenAddress, options: GatewayOptions, secrets: readonly string[]): string {
  const url = `http://${formatListen(address)}`
  return redactSecrets([`listening on ${url}`, ...options.networks.map(networkText)].join(' · '), secrets)
}

function networkText({ name, kind, default: isDefault, upstreams }: NetworkOptions): string {
  const root = kind === 'evm' ? '/' : '/eth'
  const paths = isDefault ? `/${name} and ${root}` : `/${name}`
  const behind = upstreams.map(
    ({ name, url, tier }) => `${name} ${redactUrl(url)}${tier === 'backup' ? ' (backup)' : ''}`,
  )
  return `${paths} (${kind}): ${behind.join(', ')}`
}
