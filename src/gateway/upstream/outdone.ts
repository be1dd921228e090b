import { blockReference } from '../../rpc/block-reference.ts'
import type { Call, Outcome, RestCall, RpcCall, Trail } from '../../rpc/call.ts'
import type { UpstreamState } from './state.ts'

/** Requests remembered per upstream, and for how long: the same one again is no further proof, in milliseconds. */
const remembered = 8
const repeatMs = 10_000
/** What is shorter is asked by many in the same words. */
const shortParams = 64
/** Bytes of the params that tell requests apart. */
const told = 4096
/** Blocks below its head for which every node has the state. */
const keptBlocks = 64

/**
 * Who could not answer a call that another upstream then did. Until then nobody is to blame: the call may be ill itself.
 * One request, however often it is repeated, may be what a single node cannot bear: it takes different ones to prove more.
 */
export class Outdone {
  readonly #failed = new WeakMap<Trail, UpstreamState[]>()
  readonly #proofs = new Map<UpstreamState, Proof[]>()

  /** Notes that an upstream gave no usable answer. */
  failed(upstream: UpstreamState, { trail }: Call): void {
    const before = this.#failed.get(trail)
    if (before === undefined) this.#failed.set(trail, [upstream])
    else before.push(upstream)
  }

  /** The call has been answered well: those that could not, as far as that proves something new of them. */
  answered(call: Call, now: number): readonly UpstreamState[] {
    const failed = this.#failed.get(call.trail)
    if (failed === undefined) return []
    this.#failed.delete(call.trail)
    return failed.filter((upstream) => this.#isNews(upstream, call, now))
  }

  #isNews(upstream: UpstreamState, call: Call, now: number): boolean {
    const mark = markOf(call)
    if (mark === undefined) return true
    const proofs = (this.#proofs.get(upstream) ?? []).filter(({ at }) => now - at < repeatMs)
    this.#proofs.set(upstream, proofs)
    if (proofs.some((proof) => proof.mark === mark)) return false
    proofs.push({ mark, at: now })
    if (proofs.length > remembered) proofs.shift()
    return true
  }
}

interface Proof {
  readonly mark: number
  readonly at: number
}

/**
 * Whether an outcome sends a call elsewhere for a reason that an upstream which is well would not have. What it does not
 * offer, or not have any more, is no sickness.
 */
export function isDoubtful(upstream: UpstreamState, call: Call, { verdict }: Outcome): boolean {
  switch (verdict?.class) {
    case 'NODE':
    case 'UNKNOWN':
    case 'RATE':
    case 'SYNC':
      return true
    case 'MISS':
      return isOfThePresent(upstream, call)
    default:
      return false
  }
}

/** Whether a call asks for what every node has that has come so far: pruned ones lack the past, and hashes may be of it. */
function isOfThePresent(upstream: UpstreamState, call: Call): boolean {
  if (!isRpc(call)) return /\/head(?:[/?]|$)/.test((call as RestCall).target)
  if (call.traits.blockParam === undefined) return false
  const reference = blockReference(call.params, call.traits.blockParam)
  switch (reference.kind) {
    case 'absent':
      return true
    case 'tag':
      return reference.tag !== 'earliest'
    case 'number':
      return reference.number <= upstream.head && reference.number > upstream.head - keptBlocks
    default:
      return false
  }
}

function isRpc(call: Call): call is RpcCall {
  return 'traits' in call
}

/** Tells long requests apart; undefined for what has few forms. */
function markOf(call: Call): number | undefined {
  if (!isRpc(call) || call.params === undefined || call.params.length < shortParams) return undefined
  let mark = call.params.length
  for (const byte of call.params.subarray(0, told)) mark = (Math.imul(mark, 31) + byte) | 0
  return mark
}
