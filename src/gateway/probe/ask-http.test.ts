import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { afterPendingInput } from '../../core/clock.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { CarrierError, type HttpClient, type ResponseReceiver } from '../../http/types.ts'
import { newUpstream } from '../upstream/state.ts'
import { askOverHttp } from './ask-http.ts'

const request = { method: 'GET', target: '/x', body: undefined } as const

/** One probe request under way, answered or failed by hand. */
function underWay() {
  const clock = new VirtualClock()
  const options = { name: 'a', url: 'http://a', tier: 'primary', headers: {}, passHeaders: [] } as const
  const upstream = newUpstream(options, 0, clock.now() - 1)
  const suspects: string[] = []
  let receiver: ResponseReceiver | undefined
  const client = {
    send: (_: unknown, given: ResponseReceiver) => {
      receiver = given
      return { abort: () => {}, pause: () => {}, resume: () => {} }
    },
  } as unknown as HttpClient
  const links = new Map([[upstream, { client, endpoint: { path: '/', headers: [] } }]])
  const ask = askOverHttp(links, 5000, clock, ({ name }) => suspects.push(name))
  const asked = ask(upstream, request)
  return { clock, suspects, asked, receiver: receiver! }
}

describe('a probe request', () => {
  it('that is not answered makes its upstream suspect long before its timeout', async () => {
    const { clock, suspects, asked } = underWay()
    clock.advance(260)
    await afterPendingInput()
    assert.deepEqual(suspects, ['a'])
    clock.advance(5000)
    await assert.rejects(asked, { message: 'no answer to a probe within 5000 ms' })
  })

  it('whose answer was waiting while we slept makes nobody suspect', async () => {
    const { clock, suspects, asked, receiver } = underWay()
    clock.advance(260)
    receiver.onHead(200, [])
    receiver.onEnd()
    await afterPendingInput()
    assert.equal((await asked).status, 200)
    assert.deepEqual(suspects, [])
  })

  it('that fails is a failure, not a silence', async () => {
    const { clock, suspects, asked, receiver } = underWay()
    clock.advance(260)
    receiver.onError(new CarrierError('CONNECT_REFUSED', 'refused', false))
    await assert.rejects(asked, { message: 'connection refused' })
    await afterPendingInput()
    assert.deepEqual(suspects, [])
  })
})
