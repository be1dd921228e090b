import type { Clock, Timer } from '../core/clock.ts'
import { bringTo, headOf, heightOf, movePool } from './demo-replay.ts'
import { type Ask, askAt, type DemoBlock } from './demo-rpc.ts'

/** One node of the demo's chain. */
export interface ChainNode {
  readonly name: string
  readonly url: string
}

export interface DemoChainOptions {
  readonly nodes: readonly ChainNode[]
  readonly clock: Clock
  /** Time between two blocks. */
  readonly blockMs: number
  /** Told in a sentence what a person would like to know. */
  readonly tell: (sentence: string) => void
}

// A node further back than this missed the newest blocks; anything less may be a reorg made on purpose.
const deepestReorg = 16
const silentAfterMs = 700

/**
 * Keeps anvils on one chain and growing as long as one of them answers, in the place of a consensus layer: the
 * preferred node that is up to date builds a block, the others replay it. What a node missed it is given on return.
 */
export class DemoChain {
  readonly #options: DemoChainOptions
  readonly #asks: readonly Ask[]
  #builder = 0
  #known: DemoBlock | undefined
  #timer: Timer | undefined
  #step: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: DemoChainOptions) {
    this.#options = options
    this.#asks = options.nodes.map(({ url }) => askAt(url, options.clock, silentAfterMs))
  }

  /** The newest block built or seen. */
  get head(): DemoBlock | undefined {
    return this.#known
  }

  start(): void {
    const { clock, blockMs } = this.#options
    this.#timer = clock.after(blockMs, () => {
      this.#step = this.step().then(() => {
        if (!this.#stopped) this.start()
      })
    })
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#options.clock.clear(this.#timer)
    await this.#step
  }

  /** One block: bring everyone to the builder's head, build, and hand the block round. Never rejects. */
  async step(): Promise<void> {
    const heads = await Promise.all(this.#asks.map((ask) => headOf(ask).catch(() => undefined)))
    const builder = chooseBuilder(heads, this.#builder, this.#known)
    if (builder === undefined) return
    this.#builder = builder
    const alive = heads.flatMap((head, index) => (head === undefined || index === builder ? [] : [index]))
    const level = await this.#bring(alive, builder)
    this.#builder = Math.min(builder, ...level)
    const ready = [builder, ...level].filter((index) => index !== this.#builder)
    if (await this.#build()) await this.#bring(ready, this.#builder)
  }

  async #build(): Promise<boolean> {
    const ask = this.#asks[this.#builder]!
    try {
      const parent = await headOf(ask)
      const timestamp = Math.max(Number(parent.timestamp) + 1, Math.floor(this.#options.clock.wall() / 1000))
      await ask('evm_setNextBlockTimestamp', [timestamp])
      await ask('evm_mine')
      this.#known = await headOf(ask)
      return true
    } catch {
      // It left in this very moment; the next step finds another builder.
      return false
    }
  }

  /** Brings nodes to the head of one; returns those that are there. */
  async #bring(nodes: readonly number[], source: number): Promise<number[]> {
    const there = await Promise.all(nodes.map((index) => this.#bringOne(index, source)))
    return nodes.filter((_, at) => there[at])
  }

  async #bringOne(index: number, source: number): Promise<boolean> {
    const [ask, from] = [this.#asks[index]!, this.#asks[source]!]
    const { tell, nodes } = this.#options
    try {
      await movePool(ask, from)
      const { rolledBack, replayed, copied } = await bringTo(from, ask)
      if (rolledBack > 0) tell(`reorg: ${nodes[index]!.name} replaced its newest ${blocks(rolledBack)}`)
      else if (copied || replayed > 3) tell(`${nodes[index]!.name} caught up${copied ? '' : ` ${blocks(replayed)}`}`)
      return true
    } catch {
      // It left in this very moment, which is told of elsewhere; the next step tries again.
      return false
    }
  }
}

/**
 * Who builds the next block: the present builder, or the first that is not far behind the newest block known, or, when
 * all are (both started anew), the highest.
 *
 * @param heads newest block of each node, undefined for a silent one
 * @returns the index of a node, undefined when all are silent
 */
export function chooseBuilder(
  heads: readonly (DemoBlock | undefined)[],
  present: number,
  known: DemoBlock | undefined,
): number | undefined {
  const lowest = known === undefined ? 0 : heightOf(known) - deepestReorg
  const current = (index: number): boolean => heads[index] !== undefined && heightOf(heads[index]) >= lowest
  const order = [present, ...heads.keys()].filter((index) => heads[index] !== undefined)
  return order.find(current) ?? order.sort((a, b) => heightOf(heads[b]!) - heightOf(heads[a]!))[0]
}

function blocks(count: number): string {
  return count === 1 ? 'block' : `${count} blocks`
}
