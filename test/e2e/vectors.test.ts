import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FakeElNode, SeenCall } from '../fake/el-node.ts'
import { loadExecutionApisVectors } from '../vectors/execution-apis.ts'
import { elStage, type Gate, Scope } from './gate.ts'

interface Exchange {
  readonly request: string
  readonly response: string
}

const vectors = loadExecutionApisVectors()
const exchanges = vectors.flatMap(({ exchanges }) => exchanges)
const height = 0x36

/** A call by what it asks for, whatever its id. */
function keyOf(text: string): string {
  const { method, params } = JSON.parse(text) as { method: string; params?: unknown }
  return JSON.stringify([method, params ?? []])
}

/** Answers as recorded, under the id that was asked with. */
function answerAsRecorded(node: FakeElNode): void {
  const recorded = new Map(exchanges.map(({ request, response }) => [keyOf(request), response]))
  const answer = ({ method, params, rawId, batch }: SeenCall): string | undefined =>
    batch > 0 ? undefined : recorded.get(JSON.stringify([method, params]))?.replace(/"id":\d+/, `"id":${rawId}`)
  for (const { request } of exchanges) node.rawBody((JSON.parse(request) as { method: string }).method, answer)
}

/** The text of the params, as it stands in a request. */
function paramsOf({ request }: Exchange): string {
  return /"params":(.*)\}$/s.exec(request)?.[1] ?? ''
}

describe('the vectors of the execution APIs through the gateway', () => {
  const scope = new Scope()
  let gate: Gate
  let node: FakeElNode
  before(async () => {
    const stage = await elStage(scope, [{ height }])
    gate = stage.gate
    node = stage.nodes[0]!
    answerAsRecorded(node)
  })
  after(() => scope.close())

  it('are all there', () => {
    assert.equal(vectors.length, 156)
  })

  for (const { name, exchanges } of vectors) {
    it(`gives the recorded answer to ${name}, byte for byte`, async () => {
      for (const { request, response } of exchanges) {
        const answer = await gate.post(request)
        assert.equal(answer.text, response)
        assert.equal(answer.status, 200)
      }
    })
  }

  it('passed the params on as they came', () => {
    const bodies = node.calls.map(({ body }) => body)
    const changed = exchanges.filter((one) => !bodies.some((body) => body.includes(paramsOf(one))))
    assert.deepEqual(changed, [])
  })

  it('gives the recorded answers in one batch, in the order asked', async () => {
    const reads = exchanges.filter(({ request }) => !/eth_sendRawTransaction|testing_/.test(request))
    const batch = reads.map(({ request }, at) => request.replace(/"id":\d+/, `"id":${at}`))
    const expected = reads.map(({ response }, at) => response.replace(/"id":\d+/, `"id":${at}`))
    const answer = await gate.post(`[${batch.join(',')}]`)
    assert.equal(answer.text, `[${expected.join(',')}]`)
  })
})
