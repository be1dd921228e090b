import { echoOf, type FakeChain, hashOf, hex, type Json } from './el-chain.ts'

/** What the default answers are made from. */
export interface ElState {
  readonly chain: FakeChain
  chainId: number
  /** The answer to `eth_syncing`. */
  syncing: Json
  clientVersion: string
  /** Raw transactions taken so far. */
  readonly transactions: string[]
  readonly filters: Filters
}

/** A JSON-RPC error as an answer. */
export class RpcFault extends Error {
  readonly code: number
  readonly data: Json | undefined

  constructor(code: number, message: string, data?: Json) {
    super(message)
    this.code = code
    this.data = data
  }
}

type Method = (params: Json[], state: ElState) => Json

const echoed = (method: string): Method => {
  return (params) => echoOf(method, params)
}
const blockEchoed = (method: string, position: number): Method => {
  return (params, { chain }) => {
    const number = chain.numberOf(params[position])
    if (number !== undefined && number > chain.height) throw new RpcFault(-32000, 'header not found')
    return echoOf(method, params)
  }
}

const methods: Record<string, Method> = {
  eth_chainId: (_, { chainId }) => hex(chainId),
  net_version: (_, { chainId }) => String(chainId),
  net_listening: () => true,
  net_peerCount: () => '0x3',
  web3_clientVersion: (_, { clientVersion }) => clientVersion,
  eth_syncing: (_, { syncing }) => syncing,
  eth_blockNumber: (_, { chain }) => hex(chain.height),
  eth_getBlockByNumber: ([reference], { chain }) => {
    const block = chain.byReference(reference)
    if (block === undefined) throw new RpcFault(-32602, `invalid argument 0: ${JSON.stringify(reference)}`)
    return block
  },
  eth_getBlockByHash: ([hash], { chain }) => chain.byHash(hash),
  eth_gasPrice: () => '0x7',
  eth_maxPriorityFeePerGas: () => '0x1',
  eth_getTransactionByHash: () => null,
  eth_getTransactionReceipt: () => null,
  eth_getLogs: () => [],
  eth_call: blockEchoed('eth_call', 1),
  eth_estimateGas: () => '0x5208',
  eth_getBalance: blockEchoed('eth_getBalance', 1),
  eth_getCode: blockEchoed('eth_getCode', 1),
  eth_getTransactionCount: () => '0x0',
  eth_getStorageAt: blockEchoed('eth_getStorageAt', 2),
  debug_traceTransaction: echoed('debug_traceTransaction'),
  eth_sendRawTransaction: ([raw], { transactions }) => {
    if (typeof raw !== 'string') throw new RpcFault(-32602, 'missing value for required argument 0')
    transactions.push(raw)
    return hashOf(raw)
  },
  eth_newBlockFilter: (_, { filters, chain }) => filters.create('block', chain.height),
  eth_newFilter: (_, { filters, chain }) => filters.create('log', chain.height),
  eth_newPendingTransactionFilter: (_, { filters, chain }) => filters.create('transaction', chain.height),
  eth_getFilterChanges: ([id], { filters, chain }) => filters.changes(id, chain),
  eth_getFilterLogs: ([id], { filters }) => filters.logs(id),
  eth_uninstallFilter: ([id], { filters }) => filters.remove(id),
}

/** Answers as an unscripted node would. */
export function defaultAnswer(method: string, params: Json, state: ElState): Json {
  const known = methods[method]
  if (known === undefined) throw new RpcFault(-32601, `the method ${method} does not exist/is not available`)
  if (params !== undefined && params !== null && !Array.isArray(params)) {
    throw new RpcFault(-32602, 'non-array args')
  }
  return known(Array.isArray(params) ? params : [], state)
}

interface Filter {
  readonly kind: 'block' | 'log' | 'transaction'
  seen: number
}

/** Filters live in one node only: their ids mean nothing to another. */
export class Filters {
  readonly #prefix: string
  readonly #open = new Map<string, Filter>()
  #made = 0

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  create(kind: Filter['kind'], height: number): string {
    const id = `0x${hashOf(`${this.#prefix}/${++this.#made}`).slice(2, 34)}`
    this.#open.set(id, { kind, seen: height })
    return id
  }

  changes(id: Json | undefined, chain: FakeChain): Json {
    const filter = this.#find(id)
    if (filter.kind !== 'block') return []
    const hashes: string[] = []
    while (filter.seen < chain.height) hashes.push(chain.block(++filter.seen).hash)
    return hashes
  }

  logs(id: Json | undefined): Json {
    this.#find(id)
    return []
  }

  remove(id: Json | undefined): boolean {
    return this.#open.delete(String(id))
  }

  /** What a restart of the node does. */
  clear(): void {
    this.#open.clear()
  }

  #find(id: Json | undefined): Filter {
    const filter = this.#open.get(String(id))
    if (filter === undefined) throw new RpcFault(-32000, 'filter not found')
    return filter
  }
}
