import type { Json } from './el-chain.ts'
import { hashOf } from './el-chain.ts'
import { EventStreams } from './event-streams.ts'
import { type Reply, ScriptedServer, type SeenRequest } from './scripted-server.ts'
import { pause } from './until.ts'

export interface FakeBeaconOptions {
  readonly slot?: number
  /** Fakes of one chain agree on genesis and on every root. */
  readonly chain?: string
  /** The execution chain that deposits come from. */
  readonly chainId?: number
  readonly slotsPerEpoch?: number
  readonly keepAliveMs?: number
}

/** What the echo answers to any path it does not know. */
export interface BeaconEcho {
  readonly method: string
  /** Path and query, undecoded. */
  readonly url: string
  readonly headers: readonly string[]
  /** The body as base64. */
  readonly body: string
}

type Route = (node: FakeBeaconNode) => Reply

/** A scripted beacon node: REST and event streams; unknown paths are echoed. */
export class FakeBeaconNode extends ScriptedServer {
  /** Status of `/eth/v1/node/health`. */
  health = 200
  /** A number, or any text that stands where the slot belongs. */
  slot: number | string
  isSyncing = false
  isOptimistic = false
  elOffline = false
  /** Slots between the head and the finalized epoch's start. */
  finalityDistance = 16
  genesisTime = 1_700_000_000
  readonly chain: string
  readonly chainId: number
  readonly slotsPerEpoch: number
  readonly streams = new EventStreams()
  readonly #answers = new Map<string, { status: number; body: string }>()
  readonly #delays = new Map<string, number>()

  constructor(options: FakeBeaconOptions = {}) {
    super(options.keepAliveMs)
    this.slot = options.slot ?? 1000
    this.chain = options.chain ?? 'chain'
    this.chainId = options.chainId ?? 1337
    this.slotsPerEpoch = options.slotsPerEpoch ?? 8
  }

  /** Requests for a path, query left out. */
  requestsOf(path: string): SeenRequest[] {
    return this.requests.filter(({ target }) => pathOf(target) === path)
  }

  /** Scripts the answer of a path, until {@link forget}; a string is sent as it is. */
  answer(path: string, body: unknown, status = 200): void {
    this.#answers.set(path, { status, body: typeof body === 'string' ? body : JSON.stringify(body) })
  }

  /** Waits this long before a path is answered; `'*'` means every path. */
  delay(path: string, ms: number): void {
    this.#delays.set(path, ms)
  }

  forget(path: string): void {
    this.#answers.delete(path)
    this.#delays.delete(path)
  }

  /** Sends an event to every stream that asked for its topic. */
  push(topic: string, data: Json): void {
    this.streams.push(topic, JSON.stringify(data))
  }

  /** Moves the head by one slot and announces it. */
  nextSlot(): void {
    this.slot = Number(this.slot) + 1
    const block = this.rootOf(this.slot)
    this.push('head', { slot: String(this.slot), block, state: hashOf(block), execution_optimistic: this.isOptimistic })
  }

  rootOf(slot: number | string): string {
    return hashOf(`${this.chain}/slot/${slot}`)
  }

  protected override async reply(request: SeenRequest): Promise<Reply> {
    const path = pathOf(request.target)
    const ms = this.#delays.get(path) ?? this.#delays.get('*') ?? 0
    if (ms > 0) await pause(ms)
    const scripted = this.#answers.get(path)
    if (scripted !== undefined) return { ...scripted, headers: jsonType }
    if (path === '/eth/v1/events') return this.streams.open(request.target)
    const route = request.method === 'GET' ? routes[path] : undefined
    return route === undefined ? echo(request) : route(this)
  }

  override async refuse(): Promise<void> {
    this.streams.cut()
    await super.refuse()
  }
}

/** Starts a fake on a port of the system's choice. */
export async function startFakeBeaconNode(options: FakeBeaconOptions = {}): Promise<FakeBeaconNode> {
  const node = new FakeBeaconNode(options)
  await node.accept()
  return node
}

const jsonType = ['content-type', 'application/json']

const routes: Record<string, Route> = {
  '/eth/v1/node/health': ({ health }) => ({ status: health, headers: [], body: '' }),
  '/eth/v1/node/version': () => data({ version: 'Fake/v1.0.0' }),
  '/eth/v1/node/syncing': ({ slot, isSyncing, isOptimistic, elOffline }) =>
    data({
      head_slot: String(slot),
      sync_distance: isSyncing ? '100' : '0',
      is_syncing: isSyncing,
      is_optimistic: isOptimistic,
      el_offline: elOffline,
    }),
  '/eth/v1/beacon/headers/head': (node) => {
    const { slot, isOptimistic } = node
    const message = {
      slot: typeof slot === 'number' ? String(slot) : slot,
      proposer_index: '0',
      parent_root: node.rootOf(Number(slot) - 1),
      state_root: hashOf(`state ${node.rootOf(slot)}`),
      body_root: hashOf(`body ${node.rootOf(slot)}`),
    }
    const header = { message, signature: `0x${'00'.repeat(96)}` }
    return data({ root: node.rootOf(slot), canonical: true, header }, { execution_optimistic: isOptimistic })
  },
  '/eth/v1/beacon/states/head/finality_checkpoints': (node) => {
    const epoch = Math.max(0, Math.floor((Number(node.slot) - node.finalityDistance) / node.slotsPerEpoch))
    const at = (number: number) => ({ epoch: String(number), root: node.rootOf(number * node.slotsPerEpoch) })
    return data({ previous_justified: at(epoch), current_justified: at(epoch + 1), finalized: at(epoch) })
  },
  '/eth/v1/beacon/genesis': ({ chain, genesisTime }) =>
    data({
      genesis_time: String(genesisTime),
      genesis_validators_root: hashOf(`${chain}/validators`),
      genesis_fork_version: '0x00000001',
    }),
  '/eth/v1/config/spec': ({ chainId, slotsPerEpoch }) =>
    data({
      DEPOSIT_CHAIN_ID: String(chainId),
      DEPOSIT_NETWORK_ID: String(chainId),
      SLOTS_PER_EPOCH: `${slotsPerEpoch}`,
    }),
  '/eth/v1/config/deposit_contract': ({ chainId }) =>
    data({ chain_id: String(chainId), address: `0x${'00'.repeat(20)}` }),
}

function data(value: Json, more: { [key: string]: Json } = {}): Reply {
  return { status: 200, headers: jsonType, body: JSON.stringify({ ...more, finalized: false, data: value }) }
}

/** SSZ bodies come back as they were; for everything else the request is described. */
function echo(request: SeenRequest): Reply {
  const type = request.headers.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type')
  if (type >= 0 && request.headers[type + 1] === 'application/octet-stream') {
    const headers = ['content-type', 'application/octet-stream', 'eth-consensus-version', 'deneb']
    return { status: 200, headers, body: request.body }
  }
  const { method, target, headers, body } = request
  const seen: BeaconEcho = { method, url: target, headers, body: body.toString('base64') }
  return { status: 200, headers: jsonType, body: JSON.stringify(seen) }
}

function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? ''
}
