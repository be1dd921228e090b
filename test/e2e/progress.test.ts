import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FakeElNode } from '../fake/el-node.ts'
import type { Spoil } from '../fake/scripted-server.ts'
import { until } from '../fake/until.ts'
import { elStage, type Gate, type HttpAnswer, uniqueParams } from './gate.ts'

const method = 'eth_getBalance'
const trace = 'debug_traceTransaction'
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }

/** Spoils one call in so many; probes and other requests stay well. */
function oneIn(count: number, how: ReturnType<Spoil>): Spoil {
  let seen = 0
  return ({ body }) => (/eth_getBalance|debug_trace/.test(body.toString()) && ++seen % count === 0 ? how : undefined)
}

const sicknesses: [what: string, spoil: () => Spoil][] = [
  ['never answers one call in five', () => oneIn(5, 'never')],
  ['stops in the middle of one body in five', () => oneIn(5, 'stop')],
  ['sends every answer a byte at a time', () => oneIn(1, { drip: 1, everyMs: 20 })],
  ['serves two connections and hangs on all others', () => (_, connection) => (connection > 2 ? 'never' : undefined)],
]

async function calls(gate: Gate, count: number): Promise<HttpAnswer[]> {
  const answers: HttpAnswer[] = []
  const lane = async (): Promise<void> => {
    for (let n = 0; n < count / 5; n++) {
      answers.push(await (n % 10 === 0 ? gate.call(trace, uniqueParams()) : gate.call(method, uniqueParams())))
    }
  }
  await Promise.all([lane(), lane(), lane(), lane(), lane()])
  return answers
}

const servedBy = (answers: readonly HttpAnswer[], name: string): number =>
  answers.filter((answer) => answer.header('x-drawbridge-upstream') === name).length
const asked = ({ requests }: FakeElNode): number => requests.filter(({ body }) => body.includes('"params"')).length

describe('a node that is half well', { concurrency: 2 }, () => {
  for (const [what, spoil] of sicknesses) {
    it(`loses no call when it ${what}`, async (t) => {
      const { gate, nodes } = await elStage(t, 2, quiet)
      for (const node of nodes) node.answer(trace, { gas: 1 })
      await calls(gate, 100)
      const before = nodes.map(asked)
      nodes[0]!.spoil = spoil()
      const answers = await calls(gate, 150)
      const bad = answers.filter(({ status, json }) => status !== 200 || json.result === undefined)
      assert.deepEqual(
        bad.map(({ text }) => text),
        [],
      )
      assert.equal(servedBy(answers, 'a') + servedBy(answers, 'b'), 150)
      const attempts = nodes.map((node, at) => asked(node) - before[at]!)
      assert.ok(attempts[0]! + attempts[1]! <= 2 * 150, `${attempts} attempts for 150 calls`)
      assert.ok(attempts[1]! > 0, 'the other node has helped')
    })
  }

  it('is not needed for a write: nobody else gets it', async (t) => {
    const { gate, nodes } = await elStage(t, 2, { ...quiet, failsafe: { timeoutMs: 700 } })
    for (const node of nodes) node.answer('eth_sendTransaction', '0xabc')
    nodes[0]!.spoil = ({ body }) => (body.includes('eth_sendTransaction') ? 'stop' : undefined)
    const answer = await gate.call('eth_sendTransaction', [{}])
    assert.deepEqual([answer.status, answer.json.error.code], [504, -32002])
    assert.equal(nodes[1]!.callsOf('eth_sendTransaction').length, 0)
  })
})

describe('an answer that already flows to the client', { concurrency: 2 }, () => {
  const large = (bytes: number): string => 'x'.repeat(bytes)
  const endings: [what: string, how: ReturnType<Spoil>][] = [
    ['stops', 'stop'],
    ['drips', { first: 300_000, drip: 1, everyMs: 20 }],
  ]
  for (const [what, how] of endings) {
    it(`is broken off when it ${what}, so that nobody takes half of it for the whole`, async (t) => {
      const { gate, nodes } = await elStage(t, 1, { ...quiet, failsafe: { stallMs: 300 } })
      nodes[0]!.answer(trace, large(800_000))
      assert.equal((await gate.call(trace, ['0x1'])).json.result.length, 800_000)
      nodes[0]!.spoil = ({ body }) => (body.includes(trace) ? how : undefined)
      await assert.rejects(gate.call(trace, ['0x1']), /aborted|socket hang up|ECONNRESET/)
      await until(() => nodes[0]!.aborted === 1)
      await until(() => gate.upstream('a').inFlight === 0)
    })
  }
})
