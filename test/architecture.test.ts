import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../src', import.meta.url))

/** Which rooms a room may import from, type imports included. A folder of `src` without a row fails the test. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  rpc: ['core'],
  telemetry: ['core'],
  http: ['core'],
  consensus: ['core'],
  'gateway/upstream': ['core', 'rpc', 'telemetry', 'http'],
  'gateway/transport': ['core', 'rpc', 'telemetry', 'http', 'gateway/upstream'],
  'gateway/policy': ['core', 'rpc', 'telemetry', 'http', 'gateway/upstream'],
  'gateway/probe': ['core', 'rpc', 'telemetry', 'http', 'gateway/upstream'],
  'gateway/beacon': ['core', 'rpc', 'telemetry', 'http', 'gateway/upstream'],
  'gateway/ingress': ['core', 'rpc', 'telemetry', 'http'],
  'gateway/control': ['core', 'rpc', 'telemetry', 'http'],
  gateway: ['core', 'rpc', 'telemetry', 'http', 'gateway/*'],
  replica: ['core', 'telemetry', 'consensus'],
  sim: ['core', 'consensus', 'replica'],
  config: ['core', 'gateway', 'gateway/*', 'consensus', 'replica'],
  cli: ['*'],
  '.': ['core', 'config', 'gateway', 'gateway/*'],
}

/** The rooms inside `replica`: which of its other rooms each may import from. What lies beside them is free to all. */
const replicaRooms: Record<string, readonly string[]> = {
  disk: [],
  identity: [],
  link: ['identity'],
  peers: ['disk'],
  'catch-up': ['peers'],
  door: ['peers'],
}

/** The only files that may touch the machine's time and chance. */
const holdersOfTimeAndChance = ['core/clock.ts', 'core/random.ts']
const timeOrChance =
  /\bMath\.random\b|\bDate\.now\b|\bnew Date\b|\bprocess\.hrtime\b|\bperformance\.|\bset(?:Timeout|Interval|Immediate)\(|node:timers|node:perf_hooks/

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return /\.ts$/.test(entry.name) ? [path] : []
  })
}

function roomOf(file: string): string {
  const folder = dirname(relative(source, file))
  const parts = folder.split('/')
  return parts[0] === 'gateway' ? parts.slice(0, 2).join('/') : (parts[0] ?? '.')
}

function importsOf(text: string): string[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\b[^'"]*?from\s+['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)|^import\s+['"](\.[^'"]+)['"]/gm,
  )
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}

function allowed(from: string, to: string): boolean {
  const row = mayImport[from] ?? []
  return (
    from === to || row.includes('*') || row.includes(to) || (row.includes('gateway/*') && to.startsWith('gateway/'))
  )
}

const files = filesBelow(source)
const product = files.filter((file) => !file.endsWith('.test.ts'))

describe('the house', () => {
  it('has a row for every room', () => {
    assert.ok(files.length > 10, 'the sources were found')
    const rooms = new Set(files.map(roomOf))
    assert.deepEqual(
      [...rooms].filter((room) => !(room in mayImport)),
      [],
    )
  })

  it('lets a room import only from its row', () => {
    const wrong = product.flatMap((file) =>
      importsOf(readFileSync(file, 'utf8'))
        .map((path) => roomOf(resolve(dirname(file), path)))
        .filter((room) => !allowed(roomOf(file), room))
        .map((room) => `${relative(source, file)} imports from ${room}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('keeps the rooms of the replica apart', () => {
    const inside = join(source, 'replica')
    const roomInside = (file: string) => /^([^./]+)\//.exec(relative(inside, file))?.[1]
    const walls = product.flatMap((file) => {
      const from = roomInside(file)
      if (!file.startsWith(inside) || from === undefined) return []
      return importsOf(readFileSync(file, 'utf8'))
        .map((path) => roomInside(resolve(dirname(file), path)))
        .filter((to) => to !== undefined && to !== from && !replicaRooms[from]?.includes(to))
        .map((to) => `${relative(source, file)} imports from ${to}`)
    })
    assert.deepEqual(walls, [])
    const rooms = readdirSync(inside, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    assert.deepEqual(rooms.map(({ name }) => name).toSorted(), Object.keys(replicaRooms).toSorted())
  })

  it('would notice a forbidden import', () => {
    assert.deepEqual(
      importsOf("import type { A } from '../gateway/gateway.ts'\nexport * from './b.ts'\nawait import('../c/d.ts')"),
      ['../gateway/gateway.ts', './b.ts', '../c/d.ts'],
    )
    assert.equal(allowed('consensus', 'rpc'), false)
    assert.equal(allowed('gateway/ingress', 'gateway/upstream'), false)
  })

  it('touches the real time and chance only where it says so', () => {
    const wrong = product
      .filter((file) => !holdersOfTimeAndChance.includes(relative(source, file)))
      .flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .map((line, at) => ({ line, where: `${relative(source, file)}:${at + 1}` }))
          .filter(({ line }) => timeOrChance.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
          .map(({ where, line }) => `${where}: ${line.trim()}`),
      )
    assert.deepEqual(wrong, [])
  })
})
