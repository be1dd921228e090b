import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { goodAnswer, rpcCall } from '../../test/fake/gate.ts'
import { compose, derivedCall, type Policy, type RpcCall, type RunningAttempt, Trail } from './call.ts'

class Running implements RunningAttempt {
  readonly upstream = { name: 'a' }
  readonly ends: string[] = []
  abandon(): void {
    this.ends.push('abandoned')
  }
  abort(why: string): void {
    this.ends.push(why)
  }
}

function trailWith(...running: Running[]): Trail {
  const trail = new Trail()
  trail.running.push(...running)
  return trail
}

describe('the trail of a call', () => {
  it('abandons what still runs when the call is answered, and cuts it short otherwise', () => {
    const ends = { answered: 'abandoned', unwanted: 'unwanted', timedOut: 'timedOut' } as const
    for (const how of ['answered', 'unwanted', 'timedOut'] as const) {
      const running = [new Running(), new Running()]
      const trail = trailWith(...running)
      trail.onStuck = () => {}
      trail.settle(how)
      assert.deepEqual(
        running.map((one) => one.ends),
        [[ends[how]], [ends[how]]],
      )
      assert.deepEqual([trail.settled, trail.running.length, trail.onStuck], [true, 0, undefined])
    }
  })

  it('is settled once: what comes later changes nothing', () => {
    const running = new Running()
    const trail = trailWith(running)
    trail.settle('answered')
    trail.settle('timedOut')
    assert.deepEqual(running.ends, ['abandoned'])
  })

  it('settles the trails derived from it in the same way, also those of later birth', () => {
    const trail = new Trail()
    const [one, other, inner] = [new Running(), new Running(), new Running()]
    const derived = trail.derive()
    derived.running.push(one)
    trail.derive().running.push(other)
    derived.derive().running.push(inner)
    trail.settle('timedOut')
    assert.deepEqual([one.ends, other.ends, inner.ends], [['timedOut'], ['timedOut'], ['timedOut']])
    assert.equal(trail.derive().settled, true)
  })
})

describe('compose', () => {
  it('puts the first policy outermost', () => {
    const order: string[] = []
    const noting =
      (name: string): Policy<RpcCall> =>
      (next) =>
      (call) => {
        order.push(`${name} in`)
        const outcome = next(call)
        order.push(`${name} out`)
        return outcome
      }
    const handler = compose([noting('first'), noting('second')], () => goodAnswer('a'))
    assert.equal((handler(rpcCall()) as { upstream?: string }).upstream, 'a')
    assert.deepEqual(order, ['first in', 'second in', 'second out', 'first out'])
  })

  it('is the handler itself without policies', () => {
    const handler = () => goodAnswer('a')
    assert.equal(compose([], handler), handler)
  })
})

describe('a derived call', () => {
  it('has method, params and traits of its own, and the client of the first', () => {
    const call = rpcCall('eth_sendRawTransaction', '["0x01"]', { headers: ['A', '1'], requestId: 'x' })
    const derived = derivedCall(call, 'eth_getTransactionByHash', '["0xab"]')
    assert.deepEqual(
      [derived.name, derived.label, derived.repeat, String(derived.params)],
      ['eth_getTransactionByHash', 'eth_getTransactionByHash', 'safe', '["0xab"]'],
    )
    assert.deepEqual([derived.headers, derived.requestId, derived.cancellation], [['A', '1'], 'x', call.cancellation])
    assert.deepEqual([call.name, String(call.params)], ['eth_sendRawTransaction', '["0x01"]'])
  })

  it('ends with the first, and does not count as an attempt of it', () => {
    const call = rpcCall()
    const derived = derivedCall(call, 'eth_chainId', '[]')
    const running = new Running()
    derived.trail.running.push(running)
    derived.trail.attempts++
    assert.equal(call.trail.attempts, 0)
    call.trail.settle('unwanted')
    assert.deepEqual(running.ends, ['unwanted'])
  })
})
