import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseFault } from '../../src/sim/faults.ts'
import { presetLatency, uniformLatency } from '../../src/sim/latency.ts'
import type { SimulationReport } from '../../src/sim/report.ts'
import { createSimulation, type SimulationOptions } from '../../src/sim/simulation.ts'

const program = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function drawbridge(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'simulate', ...words], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

async function report(...words: string[]): Promise<SimulationReport & { code: number }> {
  const { code, stdout, stderr } = await drawbridge(...words, '--json')
  assert.equal(stderr, '')
  return { ...JSON.parse(stdout), code }
}

function run(options: Partial<SimulationOptions>, ...words: string[]): SimulationReport {
  const validators = options.validators ?? 4
  const simulation = createSimulation({
    validators,
    seed: 1,
    latency: uniformLatency(20, 0.2, validators),
    load: 100,
    forMs: 8000,
    faults: words.map((word) => parseFault(word, validators)),
    leaders: 1,
    signatures: 'hash',
    ...options,
  })
  while (simulation.advance(100)) {}
  return simulation.result(0).report
}

function assertSound(found: SimulationReport): void {
  const { safety, liveness, transactions } = found
  assert.deepEqual(
    { safety, liveness, doubled: transactions.doubled, lost: transactions.lost },
    { safety: 'ok', liveness: 'ok', doubled: 0, lost: 0 },
  )
}

describe('drawbridge simulate', () => {
  it('prints one JSON object with the documented fields, and the same one again', async () => {
    const words = ['--validators', '4', '--seed', '7', '--load', '200', '--for', '2s', '--fault', 'restart:1@0.5']
    const [one, two] = await Promise.all([report(...words), report(...words)])
    assert.deepEqual(Object.keys(one), [
      ...['seed', 'validators', 'virtualSeconds', 'wallSeconds', 'rounds', 'commits', 'leaders', 'transactions'],
      ...['latencyMs', 'messageDelays', 'equivocations', 'safety', 'liveness', 'digest', 'code'],
    ])
    assert.deepEqual(Object.keys(one.leaders), [
      ...['committedDirect', 'committedIndirect', 'skippedDirect', 'skippedIndirect'],
    ])
    assert.deepEqual(Object.keys(one.transactions), ['submitted', 'ordered', 'doubled', 'lost'])
    assert.deepEqual(Object.keys(one.latencyMs), ['p50', 'p90', 'p99'])
    assert.deepEqual(Object.keys(one.messageDelays), ['p50', 'p99'])
    assert.deepEqual({ ...one, wallSeconds: 0 }, { ...two, wallSeconds: 0 })
    assert.equal(one.code, 0)
    assertSound(one)
    assert.notEqual((await report('--seed', '8', ...words.slice(4))).digest, one.digest)
  })

  it('draws small runs and tabulates all', async () => {
    const { code, stdout } = await drawbridge('--latency', 'wan', '--load', '10', '--for', '3s')
    assert.equal(code, 0)
    for (const part of ['◆', 'transaction latency', 'leaders skipped', 'safety    ok', 'liveness  ok', 'digest ']) {
      assert.ok(stdout.includes(part), `${part} is missing in\n${stdout}`)
    }
  })

  it('halts and does not fork when more are down than can be borne, which is no failure of its own', async () => {
    const found = await report('--load', '50', '--for', '4s', '--fault', 'crash:0@1', '--fault', 'crash:1@1')
    assert.deepEqual([found.safety, found.liveness, found.code], ['ok', 'stalled', 0])
  })

  it('fails when the committee stalls though it should not', async () => {
    const found = await report('--load', '50', '--for', '2s', '--fault', 'loss:1')
    assert.deepEqual([found.safety, found.liveness, found.code], ['ok', 'stalled', 1])
  })

  it('takes a matrix from a file and refuses a bad one', async () => {
    const file = join(tmpdir(), `drawbridge-latency-${process.pid}`)
    await writeFile(file, '0 30 30 30\n30 0 30 30\n30 30 0 30\n30 30 30 0\n')
    const found = await report('--latency', file, '--load', '50', '--for', '3s')
    assertSound(found)
    assert.ok(found.messageDelays.p50 <= 3.15, `${found.messageDelays.p50}`)
    await writeFile(file, '1 2\n3')
    assert.equal((await drawbridge('--latency', file)).code, 2)
  })

  it('explains wrong words and exits with 2', async () => {
    for (const [word, text, wanted] of [
      ['--fault', 'crsh:1@2', /no fault called "crsh"/],
      ['--fault', 'crash:9@2', /validators are 0 to 3/],
      ['--fault', 'crash:1@99', /after the end/],
      ['--for', 'long', /not a duration/],
      ['--validators', '0', /1 to 100/],
      ['--latency', 'moon', /moon cannot be read/],
    ] as const) {
      const { code, stderr, stdout } = await drawbridge(word, text)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, wanted)
    }
  })
})

describe('a committee under virtual time', () => {
  it('commits a leader within three message delays, and a WAN transaction in half a second', () => {
    const lan = run({ latency: presetLatency('lan', 4), forMs: 4000, load: 500 })
    assertSound(lan)
    assert.ok(lan.messageDelays.p50 <= 3.15 && lan.messageDelays.p99 <= 3.15, JSON.stringify(lan.messageDelays))
    const wan = run({ latency: presetLatency('wan', 10), validators: 10, forMs: 30_000 })
    assertSound(wan)
    assert.ok(wan.latencyMs.p50 <= 500, JSON.stringify(wan.latencyMs))
  })

  it('orders with two leaders a round', () => {
    const found = run({ leaders: 2 })
    assertSound(found)
    assert.ok(found.commits > 1.5 * found.rounds)
  })

  it('orders what a validator acknowledged that was cut off for hundreds of rounds', () => {
    const latency = presetLatency('lan', 4)
    assertSound(run({ latency, forMs: 12_000 }, 'partition:0,1,2|3@1-8'))
    assertSound(run({ latency, forMs: 12_000 }, 'partition:0,1,2|3@1-6', 'torn:3@6.3'))
  })

  it('runs alone', () => {
    const found = run({ validators: 1, forMs: 2000 })
    assertSound(found)
    assert.ok(found.latencyMs.p99 < 50, JSON.stringify(found.latencyMs))
  })

  for (const words of [
    ['crash:3@2'],
    ['restart:3@2'],
    ['torn:3@2'],
    ['wipe:3@2'],
    ['torn:0@2', 'torn:1@2', 'torn:2@2', 'torn:3@2'],
    ['crash:3@1', 'restart:3@4'],
    ['partition:0,1|2,3@2-5'],
    ['partition:0,1,2|3@1-6'],
    ['delay:2+300@1-5'],
    ['loss:0.1'],
    ['duplicate:0.3'],
    ['corrupt:0.01@1-5'],
    ['reorder:0.3'],
    ['slowConsumer:1+100'],
    ['equivocate:3'],
    ['withhold:3'],
    ['late:3+400'],
    ['badSignature:3'],
    ['badAncestors:3'],
    ['garbage:3'],
  ]) {
    it(`bears ${words.join(' ')}`, () => {
      const found = run({}, ...words)
      assertSound(found)
      assert.ok(found.commits > 50, `${found.commits} commits`)
      // A block with bad ancestors may be a second one for its slot, seen before its author's link has ended.
      if (words[0] !== 'badAncestors:3') assert.equal(found.equivocations > 0, words[0] === 'equivocate:3')
    })
  }

  it('goes on when the newest block of a peer was lost and nobody beyond a quorum is left to name it', () => {
    const options = { validators: 6, seed: 1051, load: 0, forMs: 20_000, latency: presetLatency('lan', 6) }
    assertSound(run(options, 'slowConsumer:3+46', 'corrupt:0.12@6-14'))
  })
})
