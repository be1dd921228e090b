import { createHmac } from 'node:crypto'
import { pause } from '../../fake/until.ts'

/** One place in the driven chain. */
export interface DrivenBlock {
  readonly number: number
  readonly hash: string
  readonly timestamp: number
}

interface ExecutionPayload {
  readonly blockHash: string
  readonly parentHash: string
  readonly blockNumber: string
  readonly timestamp: string
}

interface BuiltPayload {
  readonly executionPayload: ExecutionPayload
  readonly executionRequests: readonly string[]
}

interface PayloadStatus {
  readonly status: 'VALID' | 'INVALID' | 'SYNCING' | 'ACCEPTED' | 'INVALID_BLOCK_HASH'
  readonly validationError?: string | null
}

export interface EngineDriverOptions {
  /** Engine API endpoints, the preferred builder first. */
  readonly engines: readonly string[]
  readonly jwtSecret: Buffer
  readonly genesis: DrivenBlock
  readonly blockMs: number
}

const zeroRoot = `0x${'00'.repeat(32)}`
const answerMs = 1500
const buildMs = 120

/**
 * Stands where consensus clients would, on a chain that is at Prague from its first block: builds a block on the
 * first engine that can, gives it to all, and gives an engine that returns what it missed. An engine that hangs holds
 * up nobody but itself.
 */
export class EngineDriver {
  readonly #options: EngineDriverOptions
  #chain: DrivenBlock[]
  readonly #payloads = new Map<string, BuiltPayload>()
  readonly #held = new Set<number>()
  readonly #busy = new Set<number>()
  #work: Promise<unknown> = Promise.resolve()
  #built = 0
  #stopped = false

  constructor(options: EngineDriverOptions) {
    this.#options = options
    this.#chain = [options.genesis]
  }

  get head(): DrivenBlock {
    return this.#chain.at(-1)!
  }

  /** The canonical block at a height. */
  at(number: number): DrivenBlock | undefined {
    return this.#chain[number]
  }

  start(): void {
    void this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#work.catch(() => {})
  }

  /** Gives an engine no more blocks: it lags. */
  hold(engine: number): void {
    this.#held.add(engine)
  }

  release(engine: number): void {
    this.#held.delete(engine)
  }

  /** Everyone follows a branch of `depth` blocks until the last engine comes up with a longer one from before it. */
  reorg(depth: number): Promise<{ replaced: DrivenBlock[]; head: DrivenBlock }> {
    return this.#exclusively(async () => {
      const fork = this.#chain
      const last = this.#options.engines.length - 1
      const short = await this.#branch(fork, depth, 0)
      const long = await this.#branch(fork, depth + 1, last)
      this.#chain = long
      await this.#giveAll()
      return { replaced: short.slice(fork.length), head: this.head }
    })
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await pause(this.#options.blockMs)
      if (!this.#stopped) await this.#exclusively(() => this.#extend()).catch(() => {})
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work, work)
    this.#work = done.catch(() => {})
    return done
  }

  async #extend(): Promise<void> {
    for (const engine of this.#fed()) {
      if (this.#busy.has(engine)) continue
      const block = await this.#build(engine, this.#chain).catch(() => undefined)
      if (block === undefined) continue
      this.#chain = [...this.#chain, block]
      // Not waited for: a hung engine would hold up the next block.
      void this.#giveAll()
      return
    }
  }

  async #branch(from: DrivenBlock[], length: number, engine: number): Promise<DrivenBlock[]> {
    let chain = from
    for (let n = 0; n < length; n++) {
      chain = [...chain, await this.#build(engine, chain)]
      await this.#give(engine, chain)
    }
    return chain
  }

  async #build(engine: number, chain: DrivenBlock[]): Promise<DrivenBlock> {
    await this.#give(engine, chain)
    const parent = chain.at(-1)!
    const attributes = {
      timestamp: hex(Math.max(parent.timestamp + 1, Math.floor(Date.now() / 1000))),
      // Different each time, so that two branches never hold the same block.
      prevRandao: `0x${(++this.#built).toString(16).padStart(64, '0')}`,
      suggestedFeeRecipient: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
      withdrawals: [],
      parentBeaconBlockRoot: zeroRoot,
    }
    const state = forkchoiceOf(chain)
    const started = await this.#call<{ payloadId: string | null }>(engine, 'engine_forkchoiceUpdatedV3', [
      state,
      attributes,
    ])
    if (started.payloadId === null) throw new Error('the engine is not building')
    await pause(buildMs)
    const built = await this.#call<BuiltPayload>(engine, 'engine_getPayloadV4', [started.payloadId])
    this.#remember(built)
    const { blockHash, blockNumber, timestamp } = built.executionPayload
    return { hash: blockHash, number: Number(blockNumber), timestamp: Number(timestamp) }
  }

  async #giveAll(): Promise<void> {
    await Promise.all(this.#fed().map((engine) => this.#giveIfFree(engine)))
  }

  async #giveIfFree(engine: number): Promise<void> {
    if (this.#busy.has(engine)) return
    this.#busy.add(engine)
    await this.#give(engine, this.#chain).catch(() => {})
    this.#busy.delete(engine)
  }

  /** Payloads back to the newest that the engine takes as valid, then forward again, then the heads. */
  async #give(engine: number, chain: DrivenBlock[]): Promise<void> {
    const missing: BuiltPayload[] = []
    for (let next = this.#payloads.get(chain.at(-1)!.hash); next !== undefined; ) {
      const { status, validationError } = await this.#newPayload(engine, next)
      if (status === 'INVALID') throw new Error(`the engine refused a payload: ${validationError}`)
      if (status === 'VALID') break
      missing.unshift(next)
      next = this.#payloads.get(next.executionPayload.parentHash)
    }
    for (const payload of missing) await this.#newPayload(engine, payload)
    await this.#call(engine, 'engine_forkchoiceUpdatedV3', [forkchoiceOf(chain), null])
  }

  #newPayload(engine: number, { executionPayload, executionRequests }: BuiltPayload): Promise<PayloadStatus> {
    return this.#call(engine, 'engine_newPayloadV4', [executionPayload, [], zeroRoot, executionRequests])
  }

  #fed(): number[] {
    return [...this.#options.engines.keys()].filter((engine) => !this.#held.has(engine))
  }

  #remember(built: BuiltPayload): void {
    this.#payloads.set(built.executionPayload.blockHash, built)
  }

  async #call<T>(engine: number, method: string, params: readonly unknown[]): Promise<T> {
    const response = await fetch(this.#options.engines[engine]!, {
      method: 'POST',
      signal: AbortSignal.timeout(answerMs),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf(this.#options.jwtSecret)}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const answer = (await response.json()) as { result: T; error?: { message: string } }
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
    return answer.result
  }
}

function forkchoiceOf(chain: readonly DrivenBlock[]): object {
  const back = (count: number): string => chain[Math.max(0, chain.length - 1 - count)]!.hash
  return { headBlockHash: back(0), safeBlockHash: back(8), finalizedBlockHash: back(16) }
}

/** A token as the Engine API wants it: HS256 over the time of issue. */
function tokenOf(secret: Buffer): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: Math.floor(Date.now() / 1000) })}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
