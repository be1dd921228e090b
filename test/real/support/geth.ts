import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineDriver } from './engine-driver.ts'
import { gethGenesis } from './geth-genesis.ts'
import { freePorts, gethBinary } from './places.ts'
import { type Launched, launch, ready } from './processes.ts'
import { ask } from './rpc-samples.ts'

interface GethPorts {
  readonly http: number
  readonly ws: number
  readonly engine: number
}

/** A geth without peers that hears of blocks through its Engine API alone. */
export class Geth {
  readonly url: string
  readonly wsUrl: string
  readonly engineUrl: string
  readonly #folder: string
  readonly #name: string
  readonly #ports: GethPorts
  #program: Launched | undefined

  constructor(folder: string, name: string, ports: GethPorts) {
    this.#folder = folder
    this.#name = name
    this.#ports = ports
    this.url = `http://127.0.0.1:${ports.http}`
    this.wsUrl = `ws://127.0.0.1:${ports.ws}`
    this.engineUrl = `http://127.0.0.1:${ports.engine}`
  }

  /**
   * Starts it with nothing but the genesis, the first time or after {@link kill}. A geth that was killed over few
   * blocks wants to sync from peers, which it does not have; an empty one takes what the driver gives it.
   */
  async start(): Promise<void> {
    const data = join(this.#folder, this.#name)
    rmSync(data, { recursive: true, force: true })
    execFileSync(gethBinary, ['init', '--datadir', data, join(this.#folder, 'genesis.json')], { stdio: 'ignore' })
    this.#program = launch(this.#name, gethBinary, this.#arguments(), { folder: this.#folder })
    await ready(this.#program, () => ask(this.url, 'eth_chainId').catch(() => false), 20_000)
  }

  freeze(): void {
    this.#program?.freeze()
  }

  thaw(): void {
    this.#program?.thaw()
  }

  async kill(): Promise<void> {
    await this.#program?.kill()
  }

  #arguments(): string[] {
    const { http, ws, engine } = this.#ports
    const apis = 'eth,net,web3,debug,txpool'
    return [
      ...['--datadir', join(this.#folder, this.#name), '--networkid', '1337', '--syncmode', 'full'],
      ...['--gcmode', 'archive', '--nodiscover', '--maxpeers', '0', '--port', '0', '--ipcdisable'],
      ...['--http', '--http.port', String(http), '--http.api', apis],
      ...['--ws', '--ws.port', String(ws), '--ws.api', apis],
      ...['--authrpc.port', String(engine), '--authrpc.jwtsecret', join(this.#folder, 'jwt.hex')],
    ]
  }
}

/** Two geths of one chain and what drives them. */
export interface GethPair {
  readonly geths: readonly [Geth, Geth]
  readonly driver: EngineDriver
  stop(): Promise<void>
}

export async function startGethPair(folder: string, blockMs: number): Promise<GethPair> {
  const jwtSecret = randomBytes(32)
  writeFileSync(join(folder, 'jwt.hex'), jwtSecret.toString('hex'), { mode: 0o600 })
  writeFileSync(join(folder, 'genesis.json'), JSON.stringify(gethGenesis))
  const [a, b, c, d, e, f] = (await freePorts(6)) as [number, number, number, number, number, number]
  const geths = [
    new Geth(folder, 'geth-0', { http: a, ws: b, engine: c }),
    new Geth(folder, 'geth-1', { http: d, ws: e, engine: f }),
  ] as const
  await Promise.all(geths.map((geth) => geth.start()))
  const first = await ask<{ hash: string; timestamp: string }>(geths[0].url, 'eth_getBlockByNumber', ['0x0', false])
  const genesis = { number: 0, hash: first.hash, timestamp: Number(first.timestamp) }
  const engines = geths.map(({ engineUrl }) => engineUrl)
  const driver = new EngineDriver({ engines, jwtSecret, genesis, blockMs })
  driver.start()
  const stop = async (): Promise<void> => {
    await driver.stop()
    await Promise.all(geths.map((geth) => geth.kill()))
  }
  return { geths, driver, stop }
}
