import { createHash } from 'node:crypto'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Block = { [key: string]: Json } & { number: string; hash: string; parentHash: string }

const zeros = (bytes: number): string => `0x${'00'.repeat(bytes)}`

/** A quantity as nodes write it. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`

/** 32 bytes that stand for `text`. */
export const hashOf = (text: string): string => `0x${createHash('sha256').update(text).digest('hex')}`

/** What the fake answers to a read that depends on its params, so that a test can tell whose answer it got. */
export const echoOf = (method: string, params: unknown): string => hashOf(`${method} ${JSON.stringify(params ?? [])}`)

/**
 * Headers without state: every block follows from the chain's name and its number, so that fakes of one name agree on
 * every hash. A reorg gives the blocks above a height another branch name.
 */
export class FakeChain {
  height: number
  readonly #name: string
  readonly #branches: { from: number; name: string }[] = []
  readonly #known = new Map<string, Block>()

  constructor(name: string, height: number) {
    this.#name = name
    this.height = height
  }

  /** Replaces the newest `depth` blocks; fakes given the same branch name go to the same blocks. */
  reorg(depth: number, branch: string): void {
    for (let n = this.height - depth; n <= this.height; n++) this.block(n)
    this.#branches.push({ from: this.height - depth + 1, name: branch })
  }

  /** The block at a height, whether or not the chain has come that far. */
  block(number: number): Block {
    const hash = this.#hash(number)
    const known = this.#known.get(hash)
    if (known !== undefined) return known
    const block = header(number, hash, number === 0 ? zeros(32) : this.#hash(number - 1))
    this.#known.set(hash, block)
    return block
  }

  /** By tag or quantity; null past the head, undefined when it is neither. */
  byReference(reference: Json | undefined): Block | null | undefined {
    const number = this.numberOf(reference)
    if (number === undefined) return undefined
    return number > this.height ? null : this.block(number)
  }

  numberOf(reference: Json | undefined): number | undefined {
    if (reference === undefined || reference === null || reference === 'latest' || reference === 'pending')
      return this.height
    if (reference === 'safe') return Math.max(0, this.height - 2)
    if (reference === 'finalized') return Math.max(0, this.height - 4)
    if (reference === 'earliest') return 0
    return typeof reference === 'string' && /^0x[0-9a-f]+$/i.test(reference) ? Number(reference) : undefined
  }

  /** Blocks replaced by a reorg are still known by hash, as in a real node. */
  byHash(hash: Json | undefined): Block | null {
    const known = this.#known.get(String(hash))
    if (known !== undefined) return known
    for (let n = this.height; n >= 0 && n > this.height - 1000; n--) if (this.#hash(n) === hash) return this.block(n)
    return null
  }

  #hash(number: number): string {
    const branch = this.#branches.findLast(({ from }) => from <= number)?.name ?? 'main'
    return hashOf(`${this.#name}/${branch}/${number}`)
  }
}

function header(number: number, hash: string, parentHash: string): Block {
  return {
    number: hex(number),
    hash,
    parentHash,
    timestamp: hex(1_700_000_000 + number),
    stateRoot: hashOf(`state ${hash}`),
    receiptsRoot: hashOf(`receipts ${hash}`),
    transactionsRoot: hashOf(`transactions ${hash}`),
    sha3Uncles: zeros(32),
    logsBloom: zeros(256),
    mixHash: zeros(32),
    nonce: zeros(8),
    miner: zeros(20),
    extraData: '0x',
    difficulty: '0x0',
    gasLimit: hex(30_000_000),
    gasUsed: '0x0',
    baseFeePerGas: hex(7),
    size: hex(500),
    transactions: [],
    uncles: [],
    withdrawals: [],
  }
}
