import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ScriptedSource } from '../../../test/fake/gate.ts'
import { CarrierError } from '../../http/types.ts'
import type { SplitEnd } from '../../rpc/response-splitter.ts'
import { ResultStream } from './result-stream.ts'

const reset = new CarrierError('RESET', 'The connection was reset.', true)

function stage(head: string) {
  const rest = new ScriptedSource()
  const stream = new ResultStream(Buffer.from(head), rest)
  const seen = { text: '', ends: 0, errors: [] as Error[] }
  const open = () =>
    stream.open({
      onData: (chunk) => {
        seen.text += chunk
      },
      onEnd: () => seen.ends++,
      onError: (error) => seen.errors.push(error),
    })
  const conclude = (): { ends: (SplitEnd | undefined)[] } => {
    const ends: (SplitEnd | undefined)[] = []
    stream.conclude((end) => ends.push(end))
    return { ends }
  }
  return { rest, stream, seen, open, conclude }
}

describe('a result that flows', () => {
  it('comes to its reader without the envelope, wherever the answer is cut', () => {
    const result = '{"a":[1,"}",{"result":null}],"b":"\\"x\\""}'
    for (const answer of [`{"jsonrpc":"2.0","id":1,"result":${result}}`, `{ "result" : ${result} , "id":1 }\n`]) {
      const after = answer.indexOf(result) + 1
      fc.assert(
        fc.property(fc.array(fc.integer({ min: after, max: answer.length }), { maxLength: 8 }), (cuts) => {
          const places = [...cuts, answer.length].sort((a, b) => a - b)
          const { rest, stream, seen, open } = stage(answer.slice(0, places[0]))
          assert.equal(stream.state, 'result')
          open()
          for (const [n, to] of places.slice(1).entries())
            rest.receiver!.onData(Buffer.from(answer.slice(places[n], to)))
          rest.receiver!.onEnd()
          assert.deepEqual([seen.text.trim(), seen.ends, seen.errors], [result, 1, []])
        }),
      )
    }
  })

  it('fails its reader when the upstream breaks off, fails or goes on with garbage', () => {
    const cases: [(rest: ScriptedSource) => void, RegExp][] = [
      [(rest) => rest.receiver!.onEnd(), /broke off/],
      [(rest) => rest.receiver!.onError(reset), /reset/],
      [(rest) => rest.receiver!.onData(Buffer.from('"]}}}')), /broken/],
    ]
    for (const [breaks, words] of cases) {
      const { rest, seen, open } = stage('{"jsonrpc":"2.0","id":1,"result":["a')
      open()
      breaks(rest)
      assert.equal(seen.errors.length, 1)
      assert.match(seen.errors[0]!.message, words)
      assert.equal(seen.ends, 0)
    }
  })

  it('is given up with what it comes from', () => {
    const { rest, stream, seen, open } = stage('{"result":["a')
    open()
    stream.abort()
    assert.equal(rest.aborted, 1)
    rest.receiver!.onData(Buffer.from('b'))
    assert.equal(seen.errors.length, 0)
  })

  it('flows at the pace of its reader', () => {
    const { rest, open } = stage('{"result":["a')
    const flow = open()
    flow.pause()
    flow.resume()
    assert.deepEqual([rest.paused, rest.resumed], [1, 1])
  })
})

describe('an answer that is no result', () => {
  it('is read to its end when it is an error', () => {
    const { rest, stream, conclude } = stage('{"jsonrpc":"2.0","id":1,"error":{"code":-32000,')
    assert.notEqual(stream.state, 'result')
    const { ends } = conclude()
    rest.receiver!.onData(Buffer.from('"message":"m"}}'))
    rest.receiver!.onEnd()
    assert.equal(ends.length, 1)
    assert.equal(ends[0]?.kind, 'error')
  })

  it('is given up as soon as it is garbage, and said once', () => {
    const { rest, conclude } = stage('<html>')
    const { ends } = conclude()
    rest.receiver!.onData(Buffer.from('<body>'))
    rest.receiver!.onEnd()
    assert.equal(ends.length, 1)
    assert.equal(ends[0]?.kind, 'notAnAnswer')
    assert.equal(rest.aborted, 1)
  })

  it('is nothing when it breaks off', () => {
    const { rest, conclude } = stage('{"error":{"code":1,')
    const { ends } = conclude()
    rest.receiver!.onError(reset)
    assert.deepEqual(ends, [undefined])
  })
})
