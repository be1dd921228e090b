import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AbortableSource, type ByteReceiver, type Flow, prefixed } from './flow.ts'

class Source implements AbortableSource {
  readonly length = 3
  aborted = 0
  readonly flow: Flow = { pause() {}, resume() {} }
  abort(): void {
    this.aborted++
  }
  open(receiver: ByteReceiver): Flow {
    receiver.onData(Buffer.from('abc'))
    receiver.onEnd()
    return this.flow
  }
}

function read(source: AbortableSource): { text: string; ends: number; flow: Flow } {
  const seen = { text: '', ends: 0 }
  const flow = source.open({
    onData: (chunk) => {
      assert.ok(chunk.length > 0, 'an empty chunk means the end to some readers')
      seen.text += chunk
    },
    onEnd: () => seen.ends++,
    onError: (error) => assert.fail(error),
  })
  return { ...seen, flow }
}

describe('a prefixed source', () => {
  it('gives what is at hand, then the rest, then one end, at the pace of the rest', () => {
    const rest = new Source()
    const seen = read(prefixed(Buffer.from('01'), rest))
    assert.deepEqual(seen, { text: '01abc', ends: 1, flow: rest.flow })
  })

  it('gives no empty chunk when nothing is at hand', () => {
    assert.equal(read(prefixed(Buffer.alloc(0), new Source())).text, 'abc')
  })

  it('does not promise the length of the rest as its own', () => {
    assert.equal(prefixed(Buffer.from('01'), new Source()).length, undefined)
  })

  it('gives up the rest when it is given up', () => {
    const rest = new Source()
    prefixed(Buffer.from('01'), rest).abort()
    assert.equal(rest.aborted, 1)
  })
})
