import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { Outcome, Policy, RpcCall } from '../../rpc/call.ts'
import { firstString, withFirstString } from '../../rpc/params.ts'
import { ownAnswer } from '../upstream/pool.ts'
import type { NetworkState, UpstreamState } from '../upstream/state.ts'

/** Sends a call to one upstream and nowhere else. */
export interface StickyPool {
  attemptAt(call: RpcCall, upstream: UpstreamState): Promise<Outcome>
}

/** Nodes forget a filter that is not asked for five minutes; so do we. */
const idleMs = 300_000
/** Longest id of a node's that is remembered, quotes included. */
const longestId = 130
const maxFilters = 10_000
/** Filters of one client: beyond these its own oldest goes, and nobody else's. */
const maxPerClient = 256

interface Filter {
  readonly upstream: UpstreamState
  readonly id: string
  readonly client: string
  usedAt: number
}

/**
 * Filters live on the upstream that made them. Clients get ids of ours, because two upstreams may hand out the same
 * one; calls that use a filter go to its upstream.
 */
export function filters(
  network: NetworkState,
  pool: StickyPool,
  seams: { readonly clock: Clock; readonly random: Random },
): Policy<RpcCall> {
  const book = new FilterBook(network, seams.clock, seams.random)
  return (next) => (call) => {
    if (call.traits.filter === 'none') return next(call)
    if (call.traits.filter === 'creates')
      return Promise.resolve(next(call)).then((outcome) => book.enter(outcome, call.client ?? ''))
    return use(book, pool, call)
  }
}

async function use(book: FilterBook, pool: StickyPool, call: RpcCall): Promise<Outcome> {
  const id = firstString(call.params)
  const filter = id === undefined ? undefined : book.find(id)
  if (id === undefined || filter === undefined || !filter.upstream.eligible) return ownAnswer({ reason: 'filterGone' })
  if (call.name === 'eth_uninstallFilter') book.remove(id)
  const outcome = await pool.attemptAt({ ...call, params: withFirstString(call.params!, filter.id) }, filter.upstream)
  // The node has lost it: an error of transport would make the client try again for ever.
  return outcome.verdict?.class === 'NODE' ? ownAnswer({ reason: 'filterGone' }) : outcome
}

class FilterBook {
  readonly #network: NetworkState
  readonly #clock: Clock
  readonly #random: Random
  // In order of last use, the longest unused first.
  readonly #filters = new Map<string, Filter>()
  // Ids by client, in the same order.
  readonly #owned = new Map<string, Set<string>>()

  constructor(network: NetworkState, clock: Clock, random: Random) {
    this.#network = network
    this.#clock = clock
    this.#random = random
  }

  /** Notes the filter that an upstream has made; the outcome then carries our id. */
  enter(outcome: Outcome, client: string): Outcome {
    const { answer } = outcome
    const upstream = this.#network.upstreams.find(({ name }) => name === outcome.upstream)
    if (outcome.verdict !== undefined || answer.kind !== 'result' || upstream === undefined) return outcome
    if (answer.value.length > longestId) return outcome
    const id = /^"([^"\\]+)"$/.exec(answer.value.toString())?.[1]
    if (id === undefined) return outcome
    const ours = `0x1${this.#random.bytes(15).toString('hex')}`
    this.#forgetIdle()
    this.#makeRoom(client)
    this.#ownedBy(client).add(ours)
    this.#filters.set(ours, { upstream, id, client, usedAt: this.#clock.now() })
    return { ...outcome, answer: { kind: 'result', value: Buffer.from(`"${ours}"`) } }
  }

  find(id: string): Filter | undefined {
    const filter = this.#filters.get(id.toLowerCase())
    if (filter === undefined) return undefined
    filter.usedAt = this.#clock.now()
    const key = id.toLowerCase()
    this.remove(key)
    this.#ownedBy(filter.client).add(key)
    this.#filters.set(key, filter)
    return filter
  }

  remove(id: string): void {
    const key = id.toLowerCase()
    const filter = this.#filters.get(key)
    if (filter === undefined) return
    this.#filters.delete(key)
    const owned = this.#ownedBy(filter.client)
    owned.delete(key)
    if (owned.size === 0) this.#owned.delete(filter.client)
  }

  #ownedBy(client: string): Set<string> {
    let owned = this.#owned.get(client)
    if (owned === undefined) {
      owned = new Set()
      this.#owned.set(client, owned)
    }
    return owned
  }

  #makeRoom(client: string): void {
    const own = this.#owned.get(client)
    if (own !== undefined && own.size >= maxPerClient) this.remove(first(own))
    else if (this.#filters.size >= maxFilters) this.remove(first(this.#largest()))
  }

  /** Those of the client that holds most: it makes room, so that one pushes out nobody else's. */
  #largest(): Set<string> {
    let most = new Set<string>()
    for (const owned of this.#owned.values()) if (owned.size > most.size) most = owned
    return most
  }

  #forgetIdle(): void {
    for (const [id, filter] of this.#filters) {
      if (this.#clock.now() - filter.usedAt < idleMs) return
      this.remove(id)
    }
  }
}

function first(ids: ReadonlySet<string>): string {
  for (const id of ids) return id
  return ''
}
