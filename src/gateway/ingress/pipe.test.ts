import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeExchange } from '../../../test/fake/exchange.ts'
import { ScriptedSource } from '../../../test/fake/gate.ts'
import { pipe } from './pipe.ts'

function stage() {
  const source = new ScriptedSource()
  const exchange = new FakeExchange()
  const seen = { ended: 0 }
  pipe(source, exchange, () => seen.ended++)
  return { source, exchange, seen, receiver: source.receiver! }
}

describe('a pipe into an answer', () => {
  it('passes on every byte, then says that it has ended, and leaves the end of the answer to its owner', () => {
    const { exchange, seen, receiver } = stage()
    receiver.onData(Buffer.from('ab'))
    receiver.onData(Buffer.from('c'))
    receiver.onEnd()
    assert.deepEqual([exchange.text, seen.ended, exchange.ended], ['abc', 1, false])
  })

  it('slows the source down while the client cannot take more', () => {
    const { source, exchange, receiver } = stage()
    exchange.hasRoom = false
    receiver.onData(Buffer.from('a'))
    assert.deepEqual([source.paused, source.resumed], [1, 0])
    exchange.onDrain?.()
    assert.deepEqual([source.paused, source.resumed], [1, 1])
  })

  it('slows it down also when the first bytes, which came at once, filled the connection', () => {
    const exchange = new FakeExchange()
    exchange.hasRoom = false
    const source = new ScriptedSource()
    const eager = {
      length: undefined,
      abort: () => source.abort(),
      open: (receiver: Parameters<ScriptedSource['open']>[0]) => {
        receiver.onData(Buffer.from('held'))
        return source.open(receiver)
      },
    }
    pipe(eager, exchange, () => {})
    assert.equal(source.paused, 1)
  })

  it('cuts the connection when the source breaks off, so that half an answer is not taken for a whole one', () => {
    const { exchange, seen, receiver } = stage()
    receiver.onData(Buffer.from('half'))
    receiver.onError(new Error('reset'))
    assert.deepEqual([exchange.destroyed, seen.ended], [true, 0])
  })

  it('gives the source up when the client goes away', () => {
    const { source, exchange } = stage()
    exchange.onClose?.()
    assert.equal(source.aborted, 1)
  })
})
