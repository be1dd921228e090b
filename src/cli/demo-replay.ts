import { DrawbridgeError } from '../core/errors.ts'
import { type Ask, blockAt, type DemoBlock } from './demo-rpc.ts'

/** What it took to bring a node to another's head. */
export interface Replay {
  /** Blocks that the other chain did not have and that were taken back. */
  readonly rolledBack: number
  readonly replayed: number
  /** The whole state was copied instead of replaying blocks. */
  readonly copied: boolean
}

// Replaying takes some milliseconds a block; a copy takes about as long as this many.
const blocksWorthACopy = 40

/**
 * Brings an anvil to the head of another, block for block, so that both agree on every hash: back to the newest block
 * they share, then timestamp, base fee and raw transactions of each block that is missing. A node that missed too much
 * gets a copy of the state. Both must have been started with the same `--timestamp`, the target with `--no-mining`.
 */
export async function bringTo(source: Ask, target: Ask): Promise<Replay> {
  const [wanted, present] = await Promise.all([headOf(source), headOf(target)])
  if (wanted.hash === present.hash) return { rolledBack: 0, replayed: 0, copied: false }
  if (heightOf(wanted) - heightOf(present) >= blocksWorthACopy) return copy(source, target, wanted)
  try {
    return await follow(source, target, heightOf(wanted), heightOf(present))
  } catch (error) {
    if (!(error instanceof DrawbridgeError) || error.code !== 'CHAINS_DIFFER') throw error
    return copy(source, target, wanted)
  }
}

/**
 * Hands what waits in one node's pool to another, since these nodes have no peers, and empties the pool: a transaction
 * of its own would make the next replayed block differ.
 */
export async function movePool(from: Ask, to: Ask): Promise<void> {
  const { pending, queued } = await from<Pool>('txpool_content')
  const waiting = [...Object.values(pending), ...Object.values(queued)].flatMap((one) => Object.values(one))
  if (waiting.length === 0) return
  for (const { hash } of waiting) {
    const raw = await from<string | null>('eth_getRawTransactionByHash', [hash])
    // Refused means known already or outdated: either way it is no longer this pool's business.
    if (raw !== null) await to('eth_sendRawTransaction', [raw]).catch(() => {})
  }
  await from('anvil_dropAllTransactions')
}

/** The newest block of a node. */
export async function headOf(ask: Ask): Promise<DemoBlock> {
  const head = await blockAt(ask, 'latest')
  if (head === null) throw new DrawbridgeError('NODE_FAILED', 'The node has no newest block.')
  return head
}

/** A block's number as a number. */
export function heightOf(block: DemoBlock): number {
  return Number(block.number)
}

interface Pool {
  readonly pending: Record<string, Record<string, { readonly hash: string }>>
  readonly queued: Record<string, Record<string, { readonly hash: string }>>
}

async function follow(source: Ask, target: Ask, wanted: number, present: number): Promise<Replay> {
  const shared = await newestShared(source, target, Math.min(wanted, present))
  const rolledBack = present - shared
  if (rolledBack > 0) await target('anvil_rollback', [rolledBack])
  for (let n = shared + 1; n <= wanted; n++) await replay(source, target, n)
  return { rolledBack, replayed: wanted - shared, copied: false }
}

async function newestShared(source: Ask, target: Ask, from: number): Promise<number> {
  for (let n = from; n >= 0; n--) {
    const [theirs, ours] = await Promise.all([blockAt(source, n), blockAt(target, n)])
    if (theirs !== null && theirs.hash === ours?.hash) return n
  }
  throw new DrawbridgeError('CHAINS_DIFFER', 'The two nodes share no block, not even the first.')
}

async function replay(source: Ask, target: Ask, number: number): Promise<void> {
  const block = await blockAt(source, number, true)
  if (block === null) throw new DrawbridgeError('CHAINS_DIFFER', `Block ${number} vanished while it was replayed.`)
  for (const transaction of block.transactions) {
    const hash = typeof transaction === 'string' ? transaction : transaction.hash
    await target('eth_sendRawTransaction', [await source<string>('debug_getRawTransaction', [hash])])
  }
  await target('evm_setNextBlockTimestamp', [block.timestamp])
  await target('anvil_setNextBlockBaseFeePerGas', [block.baseFeePerGas])
  await target('evm_mine')
  await mustHave(target, block)
}

async function copy(source: Ask, target: Ask, wanted: DemoBlock): Promise<Replay> {
  await target('anvil_loadState', [await source<string>('anvil_dumpState', [true])])
  await mustHave(target, wanted)
  return { rolledBack: 0, replayed: 0, copied: true }
}

async function mustHave(target: Ask, block: DemoBlock): Promise<void> {
  const got = await blockAt(target, heightOf(block))
  if (got?.hash !== block.hash) {
    throw new DrawbridgeError('CHAINS_DIFFER', `Block ${heightOf(block)} came out differently when it was replayed.`)
  }
}
