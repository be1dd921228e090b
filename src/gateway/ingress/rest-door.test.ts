import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ExchangeWishes, FakeExchange } from '../../../test/fake/exchange.ts'
import { goodAnswer, ScriptedSource } from '../../../test/fake/gate.ts'
import type { ByteSource } from '../../core/flow.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome, RestCall } from '../../rpc/call.ts'
import { beaconRoute } from '../beacon/routes.ts'
import { ownAnswer } from '../upstream/pool.ts'
import { ClientLimit } from './client-limit.ts'
import { Cors } from './cors.ts'
import { limitsDefaults } from './options.ts'
import { RequestIds } from './request-id.ts'
import { restDoor } from './rest-door.ts'
import { pathOf } from './router.ts'

const held = (status: number, body: string): Outcome => ({
  ...goodAnswer('a'),
  answer: { kind: 'http', status, body: Buffer.from(body) },
  headers: ['Content-Type', 'application/json', 'Connection', 'close'],
})

function stage(outcome: Outcome | Promise<Outcome> = held(200, '{}'), prefix = '/cl') {
  const clock = new VirtualClock()
  const calls: RestCall[] = []
  const door = restDoor({
    handler: (call) => {
      calls.push(call)
      return outcome
    },
    prefix,
    routeOf: beaconRoute,
    limits: { ...limitsDefaults, maxBodyBytes: 2_000_000 },
    clientLimit: new ClientLimit({ requestsPerSecond: 100, burst: 100 }, clock),
    cors: new Cors({ origins: [] }),
    ids: new RequestIds(seededRandom(1)),
    clock,
  })
  const ask = (wishes: ExchangeWishes): FakeExchange => {
    const exchange = new FakeExchange(wishes)
    door(exchange, pathOf(exchange.target))
    return exchange
  }
  return { calls, ask }
}

describe('the REST door', () => {
  it('passes verb, raw path and query on without its prefix, and status, body and headers back', () => {
    const { calls, ask } = stage(held(404, '{"code":404}'))
    const exchange = ask({ target: '/cl/eth/v2/beacon/blocks/0xAB%2f?x=1&y' })
    assert.deepEqual([calls[0]?.verb, calls[0]?.target], ['GET', '/eth/v2/beacon/blocks/0xAB%2f?x=1&y'])
    assert.deepEqual([exchange.status, exchange.text], [404, '{"code":404}'])
    assert.equal(exchange.answerHeader('content-type'), 'application/json')
    assert.equal(exchange.answerHeader('connection'), undefined)
    assert.equal(exchange.answerHeader('x-drawbridge-upstream'), 'a')
  })

  it('names a known address by its route, and an unknown one by itself, so that it stands for no other', () => {
    const { calls, ask } = stage()
    ask({ target: '/cl/eth/v2/beacon/blocks/0xab' })
    ask({ target: '/cl/lighthouse/peers' })
    ask({ target: '/cl/teku/v1/admin' })
    assert.deepEqual(
      calls.map(({ name }) => name),
      ['GET /eth/v2/beacon/blocks/{id}', 'GET /lighthouse/peers', 'GET /teku/v1/admin'],
    )
    assert.deepEqual([calls[1]?.label, calls[2]?.label], ['other', 'other'])
  })

  it('holds a short body, so that the call can be repeated, and lets a long one flow by once', () => {
    const { calls, ask } = stage()
    const target = '/cl/eth/v2/beacon/blocks'
    ask({ method: 'POST', target, headers: ['Content-Length', '4'], body: Buffer.from('body') })
    ask({ method: 'POST', target, headers: ['Content-Length', '1048577'] })
    ask({ method: 'POST', target, headers: ['Transfer-Encoding', 'chunked'] })
    assert.deepEqual(
      calls.map(({ repeat, body }) => [repeat, Buffer.isBuffer(body)]),
      [
        ['safe', true],
        ['never', false],
        ['never', false],
      ],
    )
  })

  it('refuses a body that is too large before it comes, in the error shape of the Beacon API', () => {
    const { calls, ask } = stage()
    const exchange = ask({ method: 'POST', target: '/cl/x', headers: ['Content-Length', '2000001'] })
    assert.equal(exchange.status, 413)
    const { code, message } = JSON.parse(exchange.text) as { code: number; message: string }
    assert.deepEqual([code, typeof message, calls.length], [413, 'string', 0])
  })

  it('refuses a body without a length once it has grown too large, and gives the call up first', () => {
    const { calls, ask } = stage(new Promise<Outcome>(() => {}))
    const body = Buffer.alloc(2_000_001)
    const exchange = ask({ method: 'POST', target: '/cl/x', headers: ['Transfer-Encoding', 'chunked'], body })
    const source = calls[0]!.body as ByteSource
    let cancelledFirst: boolean | undefined
    source.open({
      onData: () => assert.fail('what is too much must not pass'),
      onEnd: () => assert.fail('the body must not seem complete'),
      onError: () => {
        cancelledFirst = calls[0]!.cancellation.cancelled
      },
    })
    assert.deepEqual([exchange.status, cancelledFirst], [413, true])
  })

  it('turns a client away that asks too much, and says when to come back', () => {
    const { ask } = stage()
    for (let n = 0; n < 100; n++) ask({ target: '/cl/eth/v1/node/health' })
    const exchange = ask({ target: '/cl/eth/v1/node/health' })
    assert.deepEqual([exchange.status, exchange.answerHeader('retry-after')], [429, '1'])
  })

  it('never says 200 when there is no answer', () => {
    for (const reason of ['noUpstream', 'upstreamFailed', 'deadline', 'unsupported', 'internal'] as const) {
      const exchange = stage(ownAnswer({ reason })).ask({ target: '/cl/eth/v1/node/health' })
      assert.ok(exchange.status! >= 400, reason)
      assert.equal((JSON.parse(exchange.text) as { code: number }).code, exchange.status)
    }
  })

  it('streams an answer that flows, and gives it up when the client goes away', () => {
    const source = new ScriptedSource()
    const exchange = stage({ ...held(200, ''), answer: { kind: 'http', status: 200, body: source } }).ask({
      target: '/cl/x',
    })
    source.receiver!.onData(Buffer.from('event'))
    assert.deepEqual([exchange.status, exchange.text, exchange.ended], [200, 'event', false])
    exchange.onClose?.()
    assert.equal(source.aborted, 1)
  })

  it('cancels the call of a client that goes away', () => {
    const { calls, ask } = stage()
    ask({ target: '/cl/x' }).onClose?.()
    assert.equal(calls[0]?.cancellation.cancelled, true)
  })

  it('stands at the root without a prefix', () => {
    const { calls, ask } = stage(undefined, '')
    ask({ target: '/eth/v1/node/version' })
    assert.equal(calls[0]?.target, '/eth/v1/node/version')
  })
})
