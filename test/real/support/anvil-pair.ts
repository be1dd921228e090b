import { type Anvil, findAnvil, startAnvil } from '../../../src/cli/demo-anvil.ts'
import { DemoChain } from '../../../src/cli/demo-chain.ts'
import { realClock } from '../../../src/core/clock.ts'
import { startTcpLink, type TcpLink } from '../../fake/tcp-link.ts'

/** Two anvils on one chain; blocks reach each over a link of its own, which can be cut to make it lag. */
export class AnvilPair {
  readonly chain: DemoChain
  readonly #anvils: [Anvil, Anvil]
  readonly #links: readonly [TcpLink, TcpLink]
  readonly #binary = findAnvil()

  static async start(blockMs: number): Promise<AnvilPair> {
    const binary = findAnvil()
    const anvils = await Promise.all([startAnvil(binary, 0, realClock), startAnvil(binary, 0, realClock)])
    const links = await Promise.all([startTcpLink(anvils[0].port), startTcpLink(anvils[1].port)])
    return new AnvilPair(anvils, links, blockMs)
  }

  private constructor(anvils: [Anvil, Anvil], links: [TcpLink, TcpLink], blockMs: number) {
    this.#anvils = anvils
    this.#links = links
    const nodes = links.map(({ url }, at) => ({ name: `anvil ${at}`, url }))
    this.chain = new DemoChain({ nodes, clock: realClock, blockMs, tell: () => {} })
    this.chain.start()
  }

  url(index: 0 | 1): string {
    return this.#anvils[index].url
  }

  freeze(index: 0 | 1): void {
    process.kill(this.#anvils[index].pid, 'SIGSTOP')
  }

  thaw(index: 0 | 1): void {
    process.kill(this.#anvils[index].pid, 'SIGCONT')
  }

  async kill(index: 0 | 1): Promise<void> {
    this.#anvils[index].kill()
    await this.#anvils[index].ended
  }

  /** Starts a killed one again on its port, empty. */
  async restart(index: 0 | 1): Promise<void> {
    this.#anvils[index] = await startAnvil(this.#binary, this.#anvils[index].port, realClock)
  }

  /** It gets no more blocks, but answers. */
  starve(index: 0 | 1): Promise<void> {
    return this.#links[index].refuse()
  }

  feed(index: 0 | 1): Promise<void> {
    return this.#links[index].accept()
  }

  async stop(): Promise<void> {
    await this.chain.stop()
    for (const anvil of this.#anvils) anvil.kill()
    await Promise.all([...this.#anvils.map(({ ended }) => ended), ...this.#links.map((link) => link.close())])
  }
}
