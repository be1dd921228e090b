import type { Clock, Timer } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { type Anvil, startAnvil } from './demo-anvil.ts'

/** Time between a node's death and its next start. */
export const restartMs = 10_000

export interface DemoNodeOptions {
  readonly name: string
  readonly binary: string
  readonly clock: Clock
  readonly tell: (sentence: string) => void
}

/** An anvil that is started again on its port, some time after it died. */
export class DemoNode {
  readonly name: string
  readonly #options: DemoNodeOptions
  #anvil: Anvil
  #restart: Timer | undefined
  #stopped = false

  static async start(options: DemoNodeOptions): Promise<DemoNode> {
    return new DemoNode(options, await startAnvil(options.binary, 0, options.clock))
  }

  private constructor(options: DemoNodeOptions, anvil: Anvil) {
    this.name = options.name
    this.#options = options
    this.#anvil = anvil
    this.#watch(anvil)
  }

  get url(): string {
    return this.#anvil.url
  }

  get pid(): number {
    return this.#anvil.pid
  }

  /** Kills the process for good; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#options.clock.clear(this.#restart)
    this.#anvil.kill()
    await this.#anvil.ended
  }

  #watch(anvil: Anvil): void {
    void anvil.ended.then(() => {
      if (this.#stopped) return
      const { tell } = this.#options
      tell(`${this.name} (pid ${anvil.pid}) died; it is started again in ${restartMs / 1000} s`)
      this.#startAgainSoon()
    })
  }

  #startAgainSoon(): void {
    const { clock } = this.#options
    this.#restart = clock.after(restartMs, () => void this.#startAgain())
  }

  async #startAgain(): Promise<void> {
    const { binary, clock, tell } = this.#options
    try {
      const anvil = await startAnvil(binary, this.#anvil.port, clock)
      if (this.#stopped) return anvil.kill()
      this.#anvil = anvil
      this.#watch(anvil)
      tell(`${this.name} runs again, now as pid ${anvil.pid}, and lacks every block`)
    } catch (error) {
      tell(`${this.name} could not be started again: ${messageOf(error)}`)
      if (!this.#stopped) this.#startAgainSoon()
    }
  }
}
