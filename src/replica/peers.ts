import type { AuthorityIndex } from '../consensus/types.ts'
import type { Random } from '../core/random.ts'
import type { Method } from './messages.ts'
import type { Answer, PeerClient } from './peer-client.ts'

/** Questions under way at one peer. */
const maxQuestions = 8

/** The dialled links, to ask through. */
export class Peers {
  readonly #clients: readonly PeerClient[]
  readonly #random: Random

  constructor(clients: readonly PeerClient[], random: Random) {
    this.#clients = clients
    this.#random = random
  }

  /** Peers with an open link. */
  get connected(): readonly AuthorityIndex[] {
    return this.#clients.filter((client) => client.connected).map(({ peer }) => peer)
  }

  /** At most `count` open peers that are not busy, in random order. `first` leads when it is among them. */
  pick(count: number, first?: AuthorityIndex): readonly AuthorityIndex[] {
    const free = this.#clients.filter((client) => client.connected && client.asking < maxQuestions)
    const picked = shuffled(
      free.map(({ peer }) => peer),
      this.#random,
    )
    const at = first === undefined ? -1 : picked.indexOf(first)
    if (at > 0) picked.unshift(...picked.splice(at, 1))
    return picked.slice(0, count)
  }

  /** Asks one peer; see {@link PeerClient.ask}. */
  ask(peer: AuthorityIndex, method: Method, body: Uint8Array, timeoutMs: number, answer: Answer): void {
    const client = this.#clients.find((one) => one.peer === peer)
    client?.ask(method, body, timeoutMs, answer)
  }
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const result = [...items]
  for (let at = result.length - 1; at > 0; at--) {
    const other = random.int(at + 1)
    const kept = result[at]!
    result[at] = result[other]!
    result[other] = kept
  }
  return result
}
