import { formatListen, type ListenAddress, parseListen } from '../config/listen.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { systemRandom } from '../core/random.ts'
import { programVersion } from '../core/version.ts'
import { createGateway, type Gateway } from '../gateway/gateway.ts'
import { findAnvil } from './demo-anvil.ts'
import { DemoChain } from './demo-chain.ts'
import { changesBetween } from './demo-narrator.ts'
import { DemoNode } from './demo-node.ts'
import { gatewayOptionsFor } from './demo-options.ts'
import { elapsed, introduction } from './demo-text.ts'
import { UsageError } from './failure.ts'
import { explainListenError } from './listen-error.ts'

export interface DemoOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly listen?: string | undefined
}

/** What the demo needs of the world. */
export interface DemoSeams {
  readonly clock: Clock
  /** Takes one line of text. */
  readonly print: (line: string) => void
  /** Resolves when a person wants it to end. */
  readonly ended: Promise<void>
}

const blockMs = 1000
const lookMs = 200

/**
 * Starts two real nodes on one chain and the gateway in front of them, prints how to try it and what happens, and ends
 * all of it when told to.
 *
 * @throws DrawbridgeError `ANVIL_MISSING` when there is no anvil, `USAGE` when the address cannot be listened on
 */
export async function demo(options: DemoOptions, seams: DemoSeams): Promise<void> {
  const listen = addressOf(options.listen ?? '127.0.0.1:8080')
  const began = seams.clock.now()
  const tell = (sentence: string): void => seams.print(`${elapsed(seams.clock.now() - began)}  ${sentence}`)
  const nodes = await startNodes(seams.clock, tell)
  const chain = new DemoChain({ nodes, clock: seams.clock, blockMs, tell })
  try {
    await chain.step()
    const gateway = createGateway(gatewayOptionsFor(nodes, listen), {
      clock: seams.clock,
      random: systemRandom,
      log: silentLog,
      version: programVersion(),
    })
    await serveUntilEnded({ gateway, listen, nodes, chain, tell }, seams)
  } finally {
    await chain.stop()
    await Promise.all(nodes.map((node) => node.stop()))
  }
}

interface Stage {
  readonly gateway: Gateway
  readonly listen: ListenAddress
  readonly nodes: readonly DemoNode[]
  readonly chain: DemoChain
  readonly tell: (sentence: string) => void
}

async function serveUntilEnded({ gateway, listen, nodes, chain, tell }: Stage, seams: DemoSeams): Promise<void> {
  let stopNarrating = (): void => {}
  try {
    const address = await gateway.start()
    for (const line of introduction(`http://${formatListen(address)}`, nodes)) seams.print(line)
    chain.start()
    stopNarrating = narrate(gateway, seams.clock, tell)
    await seams.ended
    await gateway.drain()
  } catch (error) {
    throw explainListenError(error, listen)
  } finally {
    stopNarrating()
    await gateway.close()
  }
}

async function startNodes(clock: Clock, tell: (sentence: string) => void): Promise<DemoNode[]> {
  const binary = findAnvil()
  const start = (name: string): Promise<DemoNode> => DemoNode.start({ name, binary, clock, tell })
  const started = await Promise.allSettled([start('left'), start('right')])
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed === undefined) return nodes
  await Promise.all(nodes.map((node) => node.stop()))
  throw failed.reason
}

function addressOf(text: string): ListenAddress {
  const listen = parseListen(text)
  if (typeof listen === 'string') throw new UsageError('The address given with --listen does not fit:', `${listen}.`)
  return listen
}

/** Looks at the gateway now and then, and tells what changed. */
function narrate(gateway: Gateway, clock: Clock, tell: (sentence: string) => void): () => void {
  let before = gateway.snapshot()
  let timer: Timer
  const look = (): void => {
    const now = gateway.snapshot()
    for (const sentence of changesBetween(before, now)) tell(sentence)
    before = now
    timer = clock.after(lookMs, look)
  }
  timer = clock.after(lookMs, look)
  return () => clock.clear(timer)
}
