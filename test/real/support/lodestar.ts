import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../fake/until.ts'
import { beaconNodeRuntime, freePorts, lodestarEntry } from './places.ts'
import { type Launched, launch, ready } from './processes.ts'

const secondsPerSlot = 2
const secondsToGenesis = 15

// Lodestar's libraries ask for something that Node 20 lacks.
const withResolvers =
  'Promise.withResolvers ??= function () { let resolve, reject; const promise = new this((a, b) => { resolve = a; reject = b }); return { promise, resolve, reject } }\n'

/** A real beacon node on a small chain without execution client. */
export class Lodestar {
  readonly url: string
  readonly #folder: string
  readonly #name: string
  readonly #rest: number
  readonly #p2p: number
  readonly #genesisTime: number
  #program: Launched | undefined

  constructor(folder: string, name: string, ports: { rest: number; p2p: number }, genesisTime: number) {
    this.#folder = folder
    this.#name = name
    this.#rest = ports.rest
    this.#p2p = ports.p2p
    this.#genesisTime = genesisTime
    this.url = `http://127.0.0.1:${ports.rest}`
  }

  async start(validators: boolean): Promise<void> {
    const polyfill = join(this.#folder, 'with-resolvers.cjs')
    writeFileSync(polyfill, withResolvers)
    const env = { LODESTAR_PRESET: 'minimal', NODE_OPTIONS: `--require=${polyfill}` }
    const node = join(beaconNodeRuntime, 'bin', 'node')
    const args = [lodestarEntry, 'dev', ...this.#arguments(validators)]
    this.#program = launch(this.#name, node, args, { folder: this.#folder, env })
    await ready(this.#program, async () => (await fetch(`${this.url}/eth/v1/node/version`)).ok, 60_000)
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

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path, { signal: AbortSignal.timeout(5000) })
    return ((await response.json()) as { data: T }).data
  }

  async headSlot(): Promise<number> {
    return Number((await this.get<{ head_slot: string }>('/eth/v1/node/syncing')).head_slot)
  }

  async isSyncing(): Promise<boolean> {
    return (await this.get<{ is_syncing: boolean }>('/eth/v1/node/syncing')).is_syncing
  }

  /** Makes it a peer of another, from which it then learns what it missed. */
  async connectTo(other: Lodestar): Promise<void> {
    const { peer_id } = await other.get<{ peer_id: string }>('/eth/v1/node/identity')
    const body = JSON.stringify({ peerId: peer_id, multiaddrs: [`/ip4/127.0.0.1/tcp/${other.#p2p}`] })
    const query = new URLSearchParams({ peerId: peer_id, multiaddr: `/ip4/127.0.0.1/tcp/${other.#p2p}` })
    const response = await fetch(`${this.url}/eth/v1/lodestar/connect_peer?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    if (!response.ok) throw new Error(`connecting failed: ${response.status} ${await response.text()}`)
  }

  #arguments(validators: boolean): string[] {
    const p2p = String(this.#p2p)
    return [
      ...['--genesisValidators', '8', '--genesisTime', String(this.#genesisTime)],
      ...['--params.SECONDS_PER_SLOT', String(secondsPerSlot), '--params.ALTAIR_FORK_EPOCH', '0'],
      ...['--params.BELLATRIX_FORK_EPOCH', '1000000', '--eth1', 'false', '--execution.engineMock'],
      ...['--listenAddress', '127.0.0.1', '--port', p2p, '--enr.ip', '127.0.0.1', '--enr.tcp', p2p, '--enr.udp', p2p],
      ...['--targetPeers', '1', '--network.connectToDiscv5Bootnodes', '--dataDir', join(this.#folder, this.#name)],
      ...['--rest.namespace', '*', '--rest.port', String(this.#rest)],
      ...(validators ? ['--startValidators', '0..7', '--server', this.url] : []),
    ]
  }
}

/** Two beacon nodes of one chain: the first proposes, the second knows nobody until it is connected. */
export async function startLodestarPair(folder: string): Promise<readonly [Lodestar, Lodestar]> {
  const [a, b, c, d] = (await freePorts(4)) as [number, number, number, number]
  const genesisTime = Math.floor(Date.now() / 1000) + secondsToGenesis
  const pair = [
    new Lodestar(folder, 'lodestar-0', { rest: a, p2p: b }, genesisTime),
    new Lodestar(folder, 'lodestar-1', { rest: c, p2p: d }, genesisTime),
  ] as const
  await Promise.all([pair[0].start(true), pair[1].start(false)])
  await until(async () => (await pair[0].headSlot()) >= 4, { deadlineMs: 60_000, intervalMs: 200 })
  return pair
}
