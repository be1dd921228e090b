import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findAnvil } from '../../src/cli/demo-anvil.ts'
import { messageOf } from '../../src/core/errors.ts'
import { beaconNodeRuntime, cacheFolder, gethBinary, lodestarEntry, realFolder } from './support/places.ts'

const gethModule = 'github.com/ethereum/go-ethereum/cmd/geth@v1.17.0'
const longestStepMs = 15 * 60_000

/** A kind of real node that tests need. */
export interface RealNode {
  readonly name: string
  /** Test files that cannot run without it. */
  readonly tests: readonly string[]
  /** Installs or builds what is absent; throws with a sentence when it cannot. */
  readonly prepare: () => void
}

export const realNodes: readonly RealNode[] = [
  { name: 'anvil', tests: ['el-anvil.test.ts', 'demo.test.ts'], prepare: () => void findAnvil() },
  { name: 'geth', tests: ['el-geth.test.ts'], prepare: prepareGeth },
  { name: 'lodestar', tests: ['beacon-lodestar.test.ts'], prepare: prepareLodestar },
]

/** Tries to get every kind of node that is wanted; returns what is absent, with the reason. */
export function prepareNodes(wanted: (node: RealNode) => boolean): { node: RealNode; problem: string }[] {
  return realNodes.filter(wanted).flatMap((node) => {
    try {
      node.prepare()
      return []
    } catch (error) {
      return [{ node, problem: messageOf(error) }]
    }
  })
}

function prepareGeth(): void {
  if (existsSync(gethBinary)) return
  const folder = join(cacheFolder, 'bin')
  mkdirSync(folder, { recursive: true })
  run('go', ['install', gethModule], { GOBIN: folder })
  if (!existsSync(gethBinary)) throw new Error(`"go install ${gethModule}" left no geth in ${folder}`)
}

function prepareLodestar(): void {
  const lock = createHash('sha256')
    .update(readFileSync(join(realFolder, 'package-lock.json')))
    .digest('hex')
  const stamp = join(realFolder, 'node_modules', '.prepared')
  if (existsSync(lodestarEntry) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
  // Its native modules have to be built for the Node that will load them, against that Node's own headers.
  const path = `${join(beaconNodeRuntime, 'bin')}:${process.env['PATH']}`
  run('npm', ['rebuild', 'snappy', 'bcrypto'], { PATH: path, npm_config_nodedir: beaconNodeRuntime })
  writeFileSync(stamp, lock)
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  console.log(`  ${command} ${args.join(' ')}`)
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: realFolder,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: longestStepMs,
    maxBuffer: 100_000_000,
  })
  if (error !== undefined) throw new Error(`"${command}" could not be run: ${error.message}`)
  if (status === 0) return
  const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n')
  throw new Error(`"${command} ${args.join(' ')}" ended with ${status}:\n${lines}`)
}
