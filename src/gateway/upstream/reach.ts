import { type BlockReference, blockReference } from '../../rpc/block-reference.ts'
import type { Call, Outcome, RestCall, RpcCall } from '../../rpc/call.ts'
import { parseQuantity } from '../../rpc/hex.ts'
import { believableLead } from './head.ts'
import { logsReference } from './logs-reference.ts'
import type { NetworkState, UpstreamState } from './state.ts'

/** What a node must have for a call: a height, a finality that is up to date, or what clients were told last. */
export type Need = number | 'safe' | 'finalized' | 'told'

/** Blocks by which a node's finality may be behind: two epochs. */
const finalityLag = 64

/** What a call asks of the node that answers it. */
export function needOf(network: NetworkState, call: Call): Need {
  if (readsLogs(call)) return needOfLogs(network, call as RpcCall)
  return needOfReference(network, 'traits' in call ? rpcReference(call as RpcCall) : restReference(call as RestCall))
}

function needOfReference(network: NetworkState, reference: BlockReference): Need {
  switch (reference.kind) {
    case 'number':
      return reference.number
    case 'hash':
      return heightOf(network, reference.hash) ?? 'told'
    case 'tag':
      if (reference.tag === 'safe' || reference.tag === 'finalized') return reference.tag
      return reference.tag === 'earliest' ? 0 : 'told'
    case 'absent':
    case 'unknown':
      return 'told'
  }
}

/** What clients were told of the head, as far as it can be true. */
function believedTold({ told, head, maxLag }: NetworkState): number {
  return Math.min(told, head + believableLead(maxLag))
}

/** Whether, as far as is known, an upstream has what a call needs. Nobody has what lies beyond all that was heard of. */
export function has(network: NetworkState, upstream: UpstreamState, need: Need): boolean {
  if (need === 'told') return reached(upstream) >= believedTold(network)
  if (typeof need === 'number') return need > Math.max(network.head, believedTold(network)) || reached(upstream) >= need
  const best = network[need]
  return best === undefined || best - (upstream[need] ?? -1) <= finalityLag
}

/** Whether upstreams differ in what they have; most of the time they do not, and no call need be looked at. */
export function isUneven(network: NetworkState): boolean {
  const { upstreams, head, told } = network
  for (const upstream of upstreams) {
    if (!upstream.eligible) continue
    if (reached(upstream) < Math.max(head, told)) return true
    if (network.finalized !== undefined && network.finalized - (upstream.finalized ?? -1) > finalityLag) return true
    if (network.safe !== undefined && network.safe - (upstream.safe ?? -1) > finalityLag) return true
  }
  return false
}

/** Notes what an answer told its client of the chain's height. */
export function noteTold(
  network: NetworkState,
  upstream: UpstreamState,
  call: Call,
  { answer }: Outcome,
  now: number,
): void {
  if (answer.kind === 'result') {
    const height = heightIn(call as RpcCall, answer.value)
    const believable = height !== undefined && height <= network.head + believableLead(network.maxLag)
    if (believable && height > upstream.told) upstream.told = height
  }
  const height = reached(upstream)
  if (height <= network.told || height > network.head + believableLead(network.maxLag)) return
  if (needOf(network, call) !== 'told') return
  network.told = height
  network.toldAt = now
}

/** The height that an answer says is the newest. */
function heightIn(call: RpcCall, value: Buffer): number | undefined {
  if (call.name === 'eth_blockNumber') return parseQuantity(value)
  if (call.name !== 'eth_getBlockByNumber') return undefined
  const reference = blockReference(call.params, 0)
  const isLatest = reference.kind === 'absent' || (reference.kind === 'tag' && reference.tag === 'latest')
  return isLatest ? numberInBlock(value) : undefined
}

const numberName = Buffer.from('"number"')

/** The number of a block, found without reading its transactions: none of their members has that name. */
function numberInBlock(block: Buffer): number | undefined {
  const at = block.indexOf(numberName)
  if (at < 0) return undefined
  const text = block.toString('latin1', at + numberName.length, at + numberName.length + 40)
  const quantity = /^\s*:\s*"(0x[0-9a-f]{1,13})"/i.exec(text)?.[1]
  return quantity === undefined ? undefined : parseQuantity(quantity)
}

/** What was told is forgotten when the chain has been lower for this long: it was set back. */
const memoryMs = 300_000

/** Brings what clients were told in line with the network's head. */
export function refreshTold(network: NetworkState, now: number): void {
  if (network.head >= network.told) network.toldAt = now
  else if (now - network.toldAt > memoryMs) network.told = network.head
}

function reached(upstream: UpstreamState): number {
  return Math.max(upstream.head, upstream.told)
}

function rpcReference(call: RpcCall): BlockReference {
  return blockReference(call.params, call.traits.blockParam)
}

function readsLogs({ name }: Call): boolean {
  return name === 'eth_getLogs' || name === 'trace_filter'
}

/** An open end asks for the newest: with a beginning that the node must have at least. */
function needOfLogs(network: NetworkState, { params }: RpcCall): Need {
  const { reference, open } = logsReference(params)
  const need = needOfReference(network, reference)
  return open && typeof need === 'number' && need <= network.told ? 'told' : need
}

const slotInPath = /\/(?:blocks|blinded_blocks|headers|states|blob_sidecars|blobs)\/+([^/?]+)/

/** The Beacon API names blocks and states in the path: by slot, root or `head`, `finalized`, `justified`, `genesis`. */
function restReference({ target }: RestCall): BlockReference {
  const id = slotInPath.exec(target)?.[1]
  if (id === undefined) return { kind: 'absent' }
  if (/^\d{1,15}$/.test(id)) return { kind: 'number', number: Number(id) }
  if (/^0x[0-9a-f]{64}$/i.test(id)) return { kind: 'hash', hash: id.toLowerCase() }
  if (id === 'finalized') return { kind: 'tag', tag: 'finalized' }
  if (id === 'justified') return { kind: 'tag', tag: 'safe' }
  return id === 'genesis' ? { kind: 'tag', tag: 'earliest' } : { kind: 'absent' }
}

/** The height of a block that is, or lately was, somebody's head. */
function heightOf(network: NetworkState, hash: string): number | undefined {
  let height: number | undefined
  for (const upstream of network.upstreams) {
    if (upstream.headHash?.toLowerCase() === hash && (height === undefined || upstream.head < height)) {
      height = upstream.head
    }
  }
  return height
}
