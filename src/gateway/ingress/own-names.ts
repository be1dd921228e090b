import { isIP } from 'node:net'

/** Clients choose what they write: there must be an end to what is kept. */
const maxKnown = 64

/**
 * The names by which this gateway may be called. A page can point a name of its own at 127.0.0.1 and is then, to the
 * browser, at home there (DNS rebinding); what gives it away is the name in the Host header.
 */
export class OwnNames {
  readonly #open: boolean
  readonly #names: ReadonlySet<string>
  readonly #known = new Set<string>()

  /**
   * @param listenHost a listener on loopback is guarded always, any other one when `hosts` has names
   * @param hosts names that are right besides addresses and localhost; "*" takes any
   */
  constructor(listenHost: string, hosts: readonly string[]) {
    this.#open = hosts.includes('*') || (hosts.length === 0 && !isLoopback(listenHost))
    this.#names = new Set([listenHost, ...hosts].map((name) => name.toLowerCase()))
  }

  /** Whether a request with this Host header may be served. */
  accepts(host: string | undefined): boolean {
    if (this.#open || host === undefined || this.#known.has(host)) return true
    if (!this.#isOwn(nameIn(host))) return false
    if (this.#known.size < maxKnown) this.#known.add(host)
    return true
  }

  #isOwn(name: string): boolean {
    // A name without a dot is this machine's or its network's own: nobody can register one.
    return isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost') || this.#names.has(name)
  }
}

function isLoopback(host: string): boolean {
  const name = nameIn(host)
  return /^(?:::ffff:)?127\.|^::1$|^(?:.+\.)?localhost$/.test(name)
}

/** Without port, brackets and the dot of a fully qualified name. */
function nameIn(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)
  const name = bracketed?.[1] ?? (isIP(host) === 6 ? host : host.replace(/:\d*$/, ''))
  return name.toLowerCase().replace(/\.$/, '')
}
