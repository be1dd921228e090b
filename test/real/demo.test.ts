import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '../fake/until.ts'
import { projectFolder, runFolder } from './support/places.ts'
import { type Launched, launch, ready } from './support/processes.ts'
import { ask } from './support/rpc-samples.ts'

const binary = join(projectFolder, 'bin', 'drawbridge.js')
const demoArgs = [binary, 'demo', '--listen', '127.0.0.1:0']

interface DemoNode {
  url: string
  pid: number
}

class Demo {
  readonly program: Launched

  constructor(folder: string, name: string) {
    this.program = launch(name, process.execPath, demoArgs, { folder })
  }

  get url(): string | undefined {
    return /listens on (http:\S+)/.exec(this.program.output())?.[1]
  }

  node(name: string): DemoNode {
    const [, url = '', pid = ''] = new RegExp(`${name} +(http:\\S+) +pid (\\d+)`).exec(this.program.output()) ?? []
    return { url, pid: Number(pid) }
  }

  /** The newest number that a line of news gave for a node. */
  pidAfterRestart(name: string): number {
    return Number(new RegExp(`${name} runs again, now as pid (\\d+)`).exec(this.program.output())?.[1])
  }
}

/** Whether a process runs; one that ended and was not collected yet does not. */
function running(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('drawbridge demo', () => {
  const folder = runFolder('demo')
  let demo: Demo
  const height = async (url: string): Promise<number> => Number(await ask<string>(url, 'eth_blockNumber'))
  before(async () => {
    demo = new Demo(folder, 'demo')
    await ready(demo.program, async () => demo.url !== undefined && (await fetch(`${demo.url}/ready`)).ok)
  })
  after(() => demo.program.kill())

  it('serves two nodes of one chain that grows', async () => {
    const first = await height(demo.url!)
    await until(async () => (await height(demo.url!)) >= first + 3, { deadlineMs: 10_000 })
    const block = (url: string): Promise<{ hash: string }> => ask(url, 'eth_getBlockByNumber', ['0x2', false])
    assert.equal((await block(demo.node('left').url)).hash, (await block(demo.node('right').url)).hash)
  })

  it('tells of a killed node, goes on without it, and brings it back with every block', async () => {
    process.kill(demo.node('left').pid, 'SIGKILL')
    await until(() => /left .*died/.test(demo.program.output()))
    await until(() => /left takes no calls/.test(demo.program.output()), { deadlineMs: 10_000 })
    const then = await height(demo.url!)
    await until(async () => (await height(demo.url!)) >= then + 2, { deadlineMs: 10_000 })
    await until(() => demo.pidAfterRestart('left') > 0, { deadlineMs: 20_000 })
    await until(async () => (await height(demo.node('left').url)) > then, { deadlineMs: 10_000 })
    await until(() => /left takes calls.*$/s.test(demo.program.output().split('runs again')[1] ?? ''), {
      deadlineMs: 10_000,
      describe: () => demo.program.output(),
    })
  })

  it('says in a sentence that its address is taken', async () => {
    const taken = launch('taken', process.execPath, [binary, 'demo', '--listen', new URL(demo.url!).host], { folder })
    await until(() => taken.child.exitCode !== null, { deadlineMs: 20_000 }).finally(() => taken.kill())
    assert.equal(taken.child.exitCode, 2)
    assert.match(taken.output(), /in use by another program/)
  })

  it('ends everything on a signal', async () => {
    const pids = [demo.pidAfterRestart('left'), demo.node('right').pid]
    assert.deepEqual(pids.map(running), [true, true])
    demo.program.child.kill('SIGINT')
    await until(() => demo.program.child.exitCode === 0, { deadlineMs: 10_000 })
    await until(() => assert.deepEqual(pids.map(running), [false, false]))
  })

  it('leaves no node behind even when it is killed itself', async () => {
    const killed = new Demo(folder, 'killed')
    await ready(killed.program, async () => killed.node('right').pid > 0).catch(() => killed.program.kill())
    const pids = [killed.node('left').pid, killed.node('right').pid]
    const before = pids.map(running)
    await killed.program.kill()
    assert.deepEqual(before, [true, true])
    await until(() => assert.deepEqual(pids.map(running), [false, false]))
  })
})
