import { blockReference } from '../../rpc/block-reference.ts'
import type { Call, RpcCall } from '../../rpc/call.ts'
import type { UpstreamState } from './state.ts'

/** States that every node keeps, with room for one that is behind its own head: clients keep 128. */
const newestKept = 64

/** The block number that a JSON-RPC call names outright; undefined for tags, hashes and everything else. */
export function blockAsked(call: Call): number | undefined {
  if (!isRpc(call)) return undefined
  const reference = blockReference(call.params, call.traits.blockParam)
  return reference.kind === 'number' ? reference.number : undefined
}

/** Notes that the upstream has no state of this block any more, and so of none before it. */
export function noteForgotten(upstream: UpstreamState, call: Call): void {
  const block = blockAsked(call)
  // A node keeps the newest states whatever it drops: a block near its head is not forgotten, it is not there.
  if (block !== undefined && block <= upstream.head - newestKept)
    upstream.historyFrom = Math.max(upstream.historyFrom, block + 1)
}

/** Whether the upstream is known not to reach back to what the call asks about. */
export function isBeyondHistory(upstream: UpstreamState, call: Call): boolean {
  if (upstream.historyFrom === 0) return false
  const block = blockAsked(call)
  return block !== undefined && block < upstream.historyFrom
}

function isRpc(call: Call): call is RpcCall {
  return 'traits' in call
}
