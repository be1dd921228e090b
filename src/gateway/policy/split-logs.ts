import { derivedCall, type Handler, type Outcome, type Policy, type RpcCall } from '../../rpc/call.ts'
import { parseQuantity, toQuantity } from '../../rpc/hex.ts'
import { discard } from '../upstream/pool.ts'
import type { NetworkState } from '../upstream/state.ts'
import { better } from './judgement.ts'
import { filterOf, type LogFilter } from './log-filter.ts'

/** Pieces that one call may fall into; beyond that its client has to ask for less. */
const maxPieces = 256
/** Pieces asked at the same time. */
const width = 4
/** Bytes that one call may cause to be sent: each piece repeats its addresses and topics. */
const maxSentBytes = 8_388_608
/** Joined results may not grow larger than this. */
const maxJoinedBytes = 67_108_864

/** A run of blocks, both ends included. */
interface Span {
  readonly from: number
  readonly to: number
}

/**
 * An `eth_getLogs` that asks for more blocks than an upstream gives at once is asked in pieces, and the client gets the
 * pieces joined, in the order of blocks. The first refusal halves the range; what was then accepted is remembered, so
 * that the next long call starts with pieces that fit.
 */
export function splitLogs(network: NetworkState): Policy<RpcCall> {
  const learned: Learned = { accepted: undefined }
  return (next) => (call) => {
    if (call.name !== 'eth_getLogs') return next(call)
    return Promise.resolve(next(call)).then((outcome) => {
      if (outcome.verdict?.effect.retry !== 'split' || outcome.verdict.class !== 'RANGE') return outcome
      const filter = filterOf(call)
      const span = filter === undefined ? undefined : spanOf(filter, network)
      if (filter === undefined || span === undefined || span.to <= span.from) return outcome
      return new Splitting(next, call, filter, learned, outcome).ask(span).then(
        // In so many pieces it is not asked here: another may give more at once.
        (asked) => (asked === outcome ? askOthers(next, call, outcome) : asked),
      )
    })
  }
}

async function askOthers(next: Handler<RpcCall>, call: RpcCall, refused: Outcome): Promise<Outcome> {
  const other = await next(call)
  return other.upstream === undefined ? refused : better(refused, other)
}

interface Learned {
  /** Most blocks that were given at once after a refusal. */
  accepted: number | undefined
}

class Splitting {
  readonly #next: Handler<RpcCall>
  readonly #call: RpcCall
  readonly #filter: LogFilter
  readonly #learned: Learned
  readonly #refused: Outcome
  readonly #mostPieces: number
  #pieces = 0

  constructor(next: Handler<RpcCall>, call: RpcCall, filter: LogFilter, learned: Learned, refused: Outcome) {
    this.#next = next
    this.#call = call
    this.#filter = filter
    this.#learned = learned
    this.#refused = refused
    this.#mostPieces = Math.min(maxPieces, Math.floor(maxSentBytes / Math.max(1, call.params?.length ?? 0)))
  }

  /** Asks for a span that was refused as a whole. */
  async ask(span: Span): Promise<Outcome> {
    const pieces = piecesOf(span, this.#learned.accepted)
    this.#pieces += pieces.length
    if (this.#pieces > this.#mostPieces) return this.#refused
    const outcomes: Outcome[] = []
    for (let at = 0; at < pieces.length; at += width) {
      outcomes.push(...(await Promise.all(pieces.slice(at, at + width).map((piece) => this.#askPiece(piece)))))
      const bad = outcomes.find(({ verdict }) => verdict !== undefined)
      if (bad !== undefined) return discardOthers(outcomes, bad)
    }
    return joined(outcomes) ?? this.#refused
  }

  async #askPiece(piece: Span): Promise<Outcome> {
    const filter = { ...this.#filter, fromBlock: toQuantity(piece.from), toBlock: toQuantity(piece.to) }
    const outcome = await this.#next(derivedCall(this.#call, 'eth_getLogs', JSON.stringify([filter])))
    const size = piece.to - piece.from + 1
    if (outcome.verdict?.class === 'RANGE' && size > 1) {
      if (this.#learned.accepted !== undefined && this.#learned.accepted >= size) this.#learned.accepted = undefined
      return this.ask(piece)
    }
    if (outcome.verdict === undefined) this.#learned.accepted = Math.max(this.#learned.accepted ?? 0, size)
    return outcome
  }
}

/** Pieces of the size that was accepted before, or halves. */
function piecesOf({ from, to }: Span, accepted: number | undefined): Span[] {
  const blocks = to - from + 1
  const size = accepted !== undefined && accepted < blocks ? accepted : Math.ceil(blocks / 2)
  const pieces: Span[] = []
  for (let start = from; start <= to && pieces.length <= maxPieces; start += size) {
    pieces.push({ from: start, to: Math.min(to, start + size - 1) })
  }
  return pieces
}

/** The blocks that a filter names; undefined when they cannot be counted. Absent ends mean the latest block. */
function spanOf(filter: LogFilter, network: NetworkState): Span | undefined {
  if (filter['blockHash'] !== undefined) return undefined
  const from = blockOf(filter['fromBlock'], network)
  const to = blockOf(filter['toBlock'], network)
  return from === undefined || to === undefined ? undefined : { from, to }
}

function blockOf(reference: unknown, network: NetworkState): number | undefined {
  switch (reference) {
    case undefined:
    case null:
    case 'latest':
      return network.head < 0 ? undefined : network.head
    case 'earliest':
      return 0
    case 'safe':
      return network.safe
    case 'finalized':
      return network.finalized
    default:
      return typeof reference === 'string' ? parseQuantity(reference) : undefined
  }
}

/** One result of all pieces; undefined when it cannot be held. */
function joined(outcomes: readonly Outcome[]): Outcome | undefined {
  const contents: Buffer[] = []
  let bytes = 0
  for (const { answer } of outcomes) {
    const content = answer.kind === 'result' ? contentOf(answer.value) : undefined
    if (content === undefined || bytes + content.length > maxJoinedBytes) return discardOthers(outcomes, undefined)
    bytes += content.length
    if (content.length > 0) contents.push(content)
  }
  const value = Buffer.from(`[${contents.map((content) => content.toString()).join(',')}]`)
  return { ...outcomes.at(-1)!, answer: { kind: 'result', value } }
}

/** What stands between the brackets of an array; undefined when it is none. */
function contentOf(array: Buffer): Buffer | undefined {
  const text = array.toString('latin1').trim()
  return text.startsWith('[') && text.endsWith(']') ? Buffer.from(text.slice(1, -1).trim(), 'latin1') : undefined
}

function discardOthers<T extends Outcome | undefined>(outcomes: readonly Outcome[], kept: T): T {
  for (const outcome of outcomes) if (outcome !== kept) discard(outcome)
  return kept
}
