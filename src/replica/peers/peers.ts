import type { AuthorityIndex } from '../../consensus/types.ts'
import type { Random } from '../../core/random.ts'
import type { Method } from './messages.ts'
import type { Answer, PeerClient } from './peer-client.ts'

/** Questions under way at one peer. */
const maxQuestions = 8

/** Through which peers are asked. */
export interface PeerQuestions {
  /** Peers with an open link. */
  readonly connected: readonly AuthorityIndex[]
  /** At most `count` open peers that are not busy, in random order. `first` leads when it is among them. */
  pick(count: number, first?: AuthorityIndex): readonly AuthorityIndex[]
  /** Asks one peer. `answer` is called once, later; undefined: refused, too late, or no link. */
  ask(peer: AuthorityIndex, method: Method, body: Uint8Array, timeoutMs: number, answer: Answer): void
}

/** The dialled links, to ask through. */
export class Peers implements PeerQuestions {
  readonly #clients: readonly PeerClient[]
  readonly #random: Random

  constructor(clients: readonly PeerClient[], random: Random) {
    this.#clients = clients
    this.#random = random
  }

  get connected(): readonly AuthorityIndex[] {
    return this.#clients.filter((client) => client.connected).map(({ peer }) => peer)
  }

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
