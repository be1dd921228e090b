import { join } from 'node:path'
import { projectFolder } from './places.ts'
import { type Launched, launch, ready } from './processes.ts'

/** The upstream's part of `GET /status`, as far as the tests look. */
export interface UpstreamStatus {
  readonly name: string
  readonly url: string
  readonly eligible: boolean
  readonly reason: string | null
  readonly head: unknown
  readonly lag: number | null
}

export interface NetworkStatus {
  readonly head: { readonly number: number; readonly hash: string } | null
  readonly failoverActive: boolean
  readonly upstreams: readonly UpstreamStatus[]
}

/** The gateway as its user runs it: the real program in a process of its own. */
export interface GatewayProcess {
  readonly url: string
  readonly program: Launched
  network(name: string): Promise<NetworkStatus>
  upstream(network: string, url: string): Promise<UpstreamStatus>
  stop(): Promise<void>
}

/** Runs `drawbridge serve` with these arguments on a free port and waits until it is ready. */
export async function startGateway(folder: string, args: readonly string[]): Promise<GatewayProcess> {
  const binary = join(projectFolder, 'bin', 'drawbridge.js')
  const all = [binary, 'serve', ...args, '--listen', '127.0.0.1:0']
  const program = launch('gateway', process.execPath, all, { folder })
  const found = (): string | undefined => /listening on (http:\/\/[\d.]+:\d+)/.exec(program.output())?.[1]
  await ready(program, async () => {
    const url = found()
    return url !== undefined && (await fetch(`${url}/ready`)).ok
  })
  const url = found()!
  const network = async (name: string): Promise<NetworkStatus> => {
    const status = (await (await fetch(`${url}/status`)).json()) as { networks: Record<string, NetworkStatus> }
    return status.networks[name]!
  }
  return {
    url,
    program,
    network,
    upstream: async (name, url) => {
      const found = (await network(name)).upstreams.find((one) => one.url.startsWith(url))
      if (found === undefined) throw new Error(`no upstream at ${url}`)
      return found
    },
    stop: () => program.kill(),
  }
}
