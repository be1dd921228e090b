/** An address to listen on. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/**
 * Reads `host:port`. IPv6 addresses stand in brackets; port 0 asks the system for a free one. The host may not be left
 * out: whether the gateway is open to the network is said, never guessed.
 *
 * @returns the address, or a sentence that says what to write instead
 *
 * @example
 * parseListen('[::1]:8080') // { host: '::1', port: 8080 }
 */
export function parseListen(text: string): ListenAddress | string {
  const [, bracketed, plain = '', digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,6})$/.exec(text) ?? []
  if (digits === undefined) return misread(text)
  const port = Number(digits)
  if (port > 65_535) return 'write a port from 0 to 65535, for example "127.0.0.1:8080"'
  if (bracketed !== undefined) return isIpv6(bracketed) ? { host: bracketed, port } : misread(text)
  if (plain === '' || plain === '*') return missingHost(port)
  return isHost(plain) ? { host: plain, port } : misread(text)
}

/** The opposite of {@link parseListen}. */
export function formatListen({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function missingHost(port: number): string {
  return `write "127.0.0.1:${port}" for this machine only, or "0.0.0.0:${port}" for every network interface`
}

function misread(text: string): string {
  if (/^\d{1,5}$/.test(text)) return missingHost(Number(text))
  if (text.includes('://')) return 'write host:port without a scheme or path, for example "127.0.0.1:8080"'
  if (/^[0-9a-f:]*:[0-9a-f:]*:\d+$/i.test(text)) return 'write an IPv6 address in brackets, for example "[::1]:8080"'
  return 'write host:port, for example "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"'
}

function isIpv6(host: string): boolean {
  return host.includes(':') && URL.canParse(`http://[${host}]/`)
}

function isHost(host: string): boolean {
  const looksNumeric = /^[\d.]+$/.test(host)
  if (looksNumeric) return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(host)
  return host.length <= 253 && /^(?!-)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?$/i.test(host)
}
