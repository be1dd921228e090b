import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { echoOf, type FakeElNode } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { elStage, type Gate, type HttpAnswer, Scope } from './gate.ts'

const reading = 'eth_getBalance'
const writing = 'custom_write'

/** Something that happens to one node; every script is undone before the next run. */
const event = fc.record({
  node: fc.nat(2),
  what: fc.constantFrom(
    'kill',
    'restart',
    'hang',
    'unhang',
    'reset',
    'resetNext',
    'delay',
    'lag',
    'status',
    'html',
    'cut',
  ),
  /** Calls that are answered before the next event. */
  rest: fc.nat(8),
})
type ChaosEvent = typeof event extends fc.Arbitrary<infer E> ? E : never

async function happen(node: FakeElNode, { what }: ChaosEvent): Promise<void> {
  switch (what) {
    case 'kill':
      return node.refuse()
    case 'restart':
      return node.accept()
    case 'hang':
      return node.hang()
    case 'unhang':
      return node.unhang()
    case 'reset':
      return node.reset()
    case 'resetNext':
      return node.resetNext(3)
    case 'delay':
      return node.delay('*', 20)
    case 'lag':
      node.height = 80
      return
    case 'status':
      return node.status(503, { times: 5 })
    case 'html':
      return node.rawBody(reading, '<html>', 'text/html')
    case 'cut':
      return node.cutNextAfter(7)
  }
}

interface Sent {
  readonly id: string
  readonly params: readonly string[]
  readonly write: boolean
  readonly answer: HttpAnswer
}

let count = 0

/** Requests that every client sends at least, however short the script is. */
const fewest = 4

/** Calls one after the other until told to stop: singles, batches and writes. */
async function client(gate: Gate, sent: Sent[], running: () => boolean): Promise<void> {
  for (let requests = 0; running() || requests < fewest; requests++) {
    const size = count % 5 === 0 ? 3 : 1
    const calls = Array.from({ length: size }, () => {
      count++
      const write = count % 7 === 0
      return { id: `"${count}\\u00e9"`, params: [`0x${count.toString(16)}`, 'latest'], write }
    })
    const texts = calls.map(
      ({ id, params, write }) =>
        `{"jsonrpc":"2.0","id":${id},"method":"${write ? writing : reading}","params":${JSON.stringify(params)}}`,
    )
    const answer = await gate.post(size === 1 ? texts[0]! : `[${texts.join(',')}]`)
    for (const call of calls) sent.push({ ...call, answer })
    checkIds(
      answer.text,
      calls.map(({ id }) => id),
    )
  }
}

/** Exactly one response per call, with its id byte for byte, in order. */
function checkIds(text: string, ids: readonly string[]): void {
  const seen = text.match(/"jsonrpc":"2\.0","id":"[^"]*"/g) ?? []
  assert.deepEqual(
    seen,
    ids.map((id) => `"jsonrpc":"2.0","id":${id}`),
    text,
  )
}

/** The response to a call, alone or in a batch. */
function responseTo({ id, answer }: Sent): {
  result?: unknown
  error?: { code: number; message: string; data?: { class?: string } }
} {
  const parsed = answer.json
  return Array.isArray(parsed)
    ? parsed.find((member) => JSON.stringify(member.id) === JSON.stringify(JSON.parse(id)))
    : parsed
}

function isWellFormed(error: { code: number; message: string; data?: { class?: string } } | undefined): boolean {
  return Number.isInteger(error?.code) && typeof error?.message === 'string' && error.data?.class !== undefined
}

async function play(gate: Gate, nodes: readonly FakeElNode[], events: readonly ChaosEvent[]): Promise<Sent[]> {
  const sent: Sent[] = []
  let running = true
  const all = Promise.all(Array.from({ length: 6 }, () => client(gate, sent, () => running)))
  for (const one of events) {
    await happen(nodes[one.node]!, one)
    const enough = sent.length + one.rest
    // Where every node hangs, a call takes as long as its deadline.
    await Promise.race([all, until(() => sent.length >= enough, { deadlineMs: 60_000 })])
  }
  running = false
  await all
  return sent
}

/** Plays a script on nodes and a gateway of its own: what one run does must not hold another's upstreams back. */
async function run(events: readonly ChaosEvent[], check: (sent: Sent[], nodes: FakeElNode[]) => void): Promise<number> {
  const scope = new Scope()
  try {
    const { gate, nodes } = await elStage(scope, 3, {
      failsafe: { timeoutMs: 3000 },
      upstreams: [{}, {}, { tier: 'backup' }],
    })
    for (const node of nodes) node.answer(writing, ([value]: unknown[]) => `written ${String(value)}`)
    const sent = await play(gate, nodes, events)
    check(sent, nodes)
    return sent.length
  } finally {
    await scope.close()
  }
}

function checkAll(sent: readonly Sent[], nodes: readonly FakeElNode[], mayFail: boolean): void {
  for (const call of sent) {
    const { result, error } = responseTo(call)
    const right = call.write ? `written ${call.params[0]}` : echoOf(reading, call.params)
    if (error === undefined) assert.equal(result, right)
    else assert.ok((mayFail || call.write) && isWellFormed(error), call.answer.text)
  }
  const writes = nodes.flatMap((node) => node.callsOf(writing)).map(({ params }) => JSON.stringify(params))
  assert.equal(new Set(writes).size, writes.length, 'no write reached a node twice')
}

describe('whatever happens to the nodes', { concurrency: 2 }, () => {
  const script = fc.array(event, { minLength: 3, maxLength: 25 })
  const limits = { numRuns: 12, endOnFailure: true }

  it('every call gets one response with its own id, right or a well-formed error, and no write is doubled', async () => {
    let calls = 0
    const property = fc.asyncProperty(script, async (events) => {
      calls += await run(events, (sent, nodes) => checkAll(sent, nodes, true))
    })
    await fc.assert(property, limits)
    assert.ok(calls > 100, `${calls} calls`)
  })

  it('no call that may be repeated fails while one healthy primary is left alone', async () => {
    let calls = 0
    const property = fc.asyncProperty(fc.nat(1), script, async (untouched, events) => {
      const others = events.filter(({ node }) => node !== untouched)
      calls += await run(others, (sent, nodes) => checkAll(sent, nodes, false))
    })
    await fc.assert(property, limits)
    assert.ok(calls > 100, `${calls} calls`)
  })
})
