import type { BlockReference } from '../../rpc/block-reference.ts'
import { parseQuantity } from '../../rpc/hex.ts'

/** A filter is short but for its addresses and topics; a longer one is not worth reading here. */
const longest = 65_536
const unknown: BlockReference = { kind: 'unknown' }

/** The block that a node must have for the logs of a filter: its hash, or the higher of the two ends that it names. */
export function logsReference(params: Buffer | undefined): BlockReference {
  if (params === undefined || params.length > longest) return unknown
  const filter = filterIn(params)
  if (filter === undefined) return unknown
  const { blockHash, fromBlock, toBlock } = filter
  if (typeof blockHash === 'string') return { kind: 'hash', hash: blockHash.toLowerCase() }
  const ends = [fromBlock, toBlock]
  for (const tag of ['finalized', 'safe'] as const) if (ends.includes(tag)) return { kind: 'tag', tag }
  const numbers = ends.map((end) => (typeof end === 'string' ? parseQuantity(end) : undefined))
  const named = numbers.filter((number) => number !== undefined)
  if (named.length === 0) return { kind: 'absent' }
  // An open end asks for the newest: with a beginning that the node must have at least.
  return { kind: 'number', number: Math.max(...named) }
}

function filterIn(params: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(params.toString())
    const first: unknown = Array.isArray(parsed) ? parsed[0] : undefined
    return typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
