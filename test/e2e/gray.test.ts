import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answer, FakeElNode } from '../fake/el-node.ts'
import type { Spoil } from '../fake/scripted-server.ts'
import { pause, until } from '../fake/until.ts'
import { elStage, type Gate, type HttpAnswer, uniqueParams } from './gate.ts'

const method = 'eth_getBalance'
const trace = 'debug_traceTransaction'
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const error = (code: number, message: string) => ({ error: { code, message } })

type Fall = (node: FakeElNode) => void

/** Spoils one call in so many; probes stay well. */
function spoiled(count: number, how: ReturnType<Spoil>): Fall {
  let seen = 0
  return (node) => {
    node.spoil = ({ body }) => (isCall(body) && ++seen % count === 0 ? how : undefined)
  }
}

/** Answers one call in so many otherwise. */
function otherwise(count: number, how: () => unknown): Fall {
  let seen = 0
  const answer: Answer = () => (++seen % count === 0 ? how() : '0x1')
  return (node) => {
    for (const name of [method, trace]) node.answer(name, answer)
  }
}

const afterMs = (ms: () => number) => async () => {
  await pause(ms())
  return '0x1'
}
/** Every duration up to this one in turn, in no order. */
function upTo(longestMs: number): () => number {
  let ms = 0
  return () => {
    ms = (ms + 137) % longestMs
    return ms
  }
}

const sicknesses: readonly (readonly [what: string, fall: Fall])[] = [
  ['leaves one call in five unanswered', spoiled(5, 'never')],
  [
    'takes 2 s for one call in three',
    otherwise(
      3,
      afterMs(() => 2000),
    ),
  ],
  [
    'takes 1.2 s for everything',
    otherwise(
      1,
      afterMs(() => 1200),
    ),
  ],
  ['takes anything up to 600 ms', otherwise(1, afterMs(upTo(600)))],
  ['stops in the middle of one body in five', spoiled(5, 'stop')],
  ['sends a byte every 20 ms', spoiled(1, { drip: 1, everyMs: 20 })],
  ['answers its probes and no call', spoiled(1, 'never')],
  ['fails at every second call', otherwise(2, () => error(-32603, 'Internal error'))],
  ['is too busy for every second call', otherwise(2, () => error(-32000, 'server is too busy'))],
  ['cannot find the newest block for every second call', otherwise(2, () => error(-32000, 'header not found'))],
  ['misses the newest state', otherwise(1, () => error(-32000, 'missing trie node 0xabcd (path 0a) is not available'))],
  ['says to every third call what nobody knows', otherwise(3, () => error(-32000, 'the moon is full'))],
]

const isCall = (body: Buffer): boolean => /eth_getBalance|debug_trace/.test(body.toString())
const asked = (nodes: readonly FakeElNode[]): number =>
  nodes.reduce((sum, { requests }) => sum + requests.filter(({ body }) => isCall(body)).length, 0)

/** Calls on five lanes, one in ten a trace. */
async function calls(gate: Gate, count: number): Promise<HttpAnswer[]> {
  const answers: HttpAnswer[] = []
  const lane = async (): Promise<void> => {
    for (let n = 0; n < count / 5; n++) answers.push(await gate.call(n % 10 === 0 ? trace : method, uniqueParams()))
  }
  await Promise.all([lane(), lane(), lane(), lane(), lane()])
  return answers
}

function allGood(answers: readonly HttpAnswer[]): void {
  const bad = answers.filter(({ status, json }) => status !== 200 || json.result === undefined)
  assert.deepEqual(
    bad.map(({ text }) => text),
    [],
  )
}

const servedBy = (answers: readonly HttpAnswer[], name: string): number =>
  answers.filter((answer) => answer.header('x-drawbridge-upstream') === name).length

function recover(node: FakeElNode): void {
  node.spoil = () => undefined
  for (const name of [method, trace]) node.answer(name, '0x1')
}

describe('the first of several nodes, when it was never seen well and', { concurrency: 2 }, () => {
  for (const [at, [what, fall]] of sicknesses.entries()) {
    const count = at % 3 === 2 ? 3 : 2
    it(`${what}: others of ${count} serve at little cost, and it is back when it is well`, async (t) => {
      const { gate, nodes } = await elStage(t, count, quiet)
      for (const node of nodes) recover(node)

      fall(nodes[0]!)
      allGood(await calls(gate, 100))
      const before = asked(nodes)
      const answers = await calls(gate, 200)
      allGood(answers)
      assert.ok(asked(nodes) - before <= 1.25 * answers.length, `${asked(nodes) - before} for ${answers.length}`)
      assert.ok(servedBy(answers, 'a') < servedBy(answers, 'b'), 'the next one serves')
      recover(nodes[0]!)
      await until(async () => servedBy(await calls(gate, 20), 'a') === 20, { deadlineMs: 60_000 })
    })
  }

  it('is as bad as all others, keeps its place', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    for (const node of nodes) otherwise(2, () => error(-32603, 'Internal error'))(node)
    await calls(gate, 200)
    assert.equal(gate.upstream('a').eligible, true)
    for (const node of nodes) recover(node)
    await until(async () => servedBy(await calls(gate, 20), 'a') === 20, { deadlineMs: 60_000 })
  })
})

describe('slow calls in quiet times', () => {
  it('cost hardly more calls than there are, through three nodes that are well', async (t) => {
    const { gate, nodes } = await elStage(t, 3, quiet)
    for (const node of nodes)
      node.answer(
        method,
        afterMs(() => 300),
      )
    for (let n = 0; n < 20; n++) allGood([await gate.call(method, uniqueParams())])
    assert.ok(asked(nodes) <= 22, `${asked(nodes)} for 20`)
  })
})
