import type { BlockReference } from '../../rpc/block-reference.ts'
import { parseQuantity } from '../../rpc/hex.ts'

/** A filter is short but for its addresses and topics; a longer one is not worth reading here. */
const longest = 65_536

/** What a node must have for the logs of a filter. */
export interface LogsReference {
  readonly reference: BlockReference
  /** It goes on to the newest block, whichever that is. */
  readonly open: boolean
}

const nothingKnown: LogsReference = { reference: { kind: 'unknown' }, open: false }

/** The block that a node must have for the logs of a filter: its hash, or the higher of the two ends that it names. */
export function logsReference(params: Buffer | undefined): LogsReference {
  if (params === undefined || params.length > longest) return nothingKnown
  const filter = filterIn(params)
  if (filter === undefined) return nothingKnown
  const { blockHash, fromBlock, toBlock } = filter
  if (typeof blockHash === 'string') return closed({ kind: 'hash', hash: blockHash.toLowerCase() })
  const ends = [fromBlock, toBlock]
  for (const tag of ['finalized', 'safe'] as const) if (ends.includes(tag)) return closed({ kind: 'tag', tag })
  const open = toBlock === undefined || toBlock === null || toBlock === 'latest' || toBlock === 'pending'
  const numbers = ends.map((end) => (typeof end === 'string' ? parseQuantity(end) : undefined))
  const named = numbers.filter((number) => number !== undefined)
  if (named.length === 0) return { reference: { kind: 'absent' }, open }
  return { reference: { kind: 'number', number: Math.max(...named) }, open }
}

function closed(reference: BlockReference): LogsReference {
  return { reference, open: false }
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
