import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  answering,
  call,
  failsWith,
  newClient,
  ok,
  requestOf,
  waitUntil,
  whole,
  withServer,
  withUpstream,
} from './harness.test.ts'
import { type BodyReceiver, CarrierError, type OutgoingCall } from './types.ts'

describe('an outgoing call', () => {
  it('is silent after an abort, wherever it stands', async () => {
    await withUpstream(
      (socket, received) => {
        if (received.includes('/half') && whole(received))
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
      },
      async (origin) => {
        const client = newClient(origin, { maxConnections: 1 })
        const heard: string[] = []
        const quiet = (): OutgoingCall =>
          client.send(requestOf(), {
            onHead: () => heard.push('head'),
            onData: () => heard.push('data'),
            onEnd: () => heard.push('end'),
            onError: () => heard.push('error'),
          })
        const connecting = quiet()
        const waiting = quiet()
        connecting.abort()
        waiting.abort()
        waiting.abort()
        const during: string[] = []
        const running: OutgoingCall = client.send(requestOf({ target: '/half' }), {
          onHead: () => during.push('head'),
          onData: () => {
            during.push('data')
            running.abort()
          },
          onEnd: () => during.push('end'),
          onError: () => during.push('error'),
        })
        await waitUntil(() => during.length === 2, 'half an answer came')
        await waitUntil(() => client.connections === 0, 'its connection was closed')
        assert.deepEqual(heard, [])
        assert.deepEqual(during, ['head', 'data'])
        client.destroy()
      },
    )
  })

  it('does not let given-up calls pile up in the line', async () => {
    await withServer(
      (exchange) => exchange.respond(200, [], exchange.target),
      async (port) => {
        const client = newClient(new URL(`http://127.0.0.1:${port}`), { maxConnections: 1 })
        const first = call(client, { target: '/first' })
        for (let n = 0; n < 500; n++) call(client, { target: `/${n}` }, (outgoing) => outgoing.abort())
        assert.equal((await call(client, { target: '/last' })).body, '/last')
        assert.equal((await first).body, '/first')
        client.destroy()
      },
    )
  })

  it('keeps its connection when it is aborted after the end', async () => {
    await answering(ok('x'), async (client) => {
      let outgoing: OutgoingCall | undefined
      await call(client, {}, (made) => {
        outgoing = made
      })
      outgoing?.abort()
      assert.equal(client.connections, 1)
      await call(client)
    })
  })

  it('holds the server back while it is paused', async () => {
    let written = 0
    await withServer(
      (exchange) => {
        const fill = (): void => {
          while (written < 300) {
            written++
            if (!exchange.write(Buffer.alloc(100_000))) return
          }
          exchange.end()
        }
        exchange.onDrain = fill
        exchange.start(200, [])
        fill()
      },
      async (port) => {
        const client = newClient(new URL(`http://127.0.0.1:${port}`))
        let size = 0
        let ended = false
        const outgoing: OutgoingCall = client.send(requestOf(), {
          onHead: () => outgoing.pause(),
          onData: (chunk) => {
            size += chunk.length
          },
          onEnd: () => {
            ended = true
          },
          onError: (error) => assert.fail(error),
        })
        await waitUntil(() => written > 0, 'the answer began')
        for (let before = -1; before !== written; ) {
          before = written
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        assert.equal(size, 0)
        assert.ok(written < 300, 'the server was held back')
        outgoing.resume()
        await waitUntil(() => ended, 'the answer ended')
        assert.equal(size, 30_000_000)
        client.destroy()
      },
    )
  })

  it('streams a body, chunked or with its length', async () => {
    const pieces = ['abc', '', 'd'.repeat(20_000), 'END']
    for (const length of [undefined, 20_006]) {
      let seen = ''
      await withServer(
        (exchange) =>
          exchange.body(100_000, (_, body) => {
            seen = exchange.header('transfer-encoding') ?? exchange.header('content-length') ?? ''
            exchange.respond(200, [], body)
          }),
        async (port) => {
          const client = newClient(new URL(`http://127.0.0.1:${port}`))
          const open = (receiver: BodyReceiver) => {
            for (const piece of pieces) receiver.onData(Buffer.from(piece))
            setTimeout(() => receiver.onEnd(), 1)
            return { pause: () => {}, resume: () => {} }
          }
          assert.equal((await call(client, { body: { length, open } })).body, pieces.join(''))
          assert.equal(seen, length === undefined ? 'chunked' : '20006')
          client.destroy()
        },
      )
    }
  })

  it('fails when its body does, and when the body misses its length', async () => {
    const still = { pause: () => {}, resume: () => {} }
    const failing = (receiver: BodyReceiver) => {
      receiver.onData(Buffer.from('x'))
      receiver.onError(new CarrierError('CLOSED_EARLY', 'gone', true))
      return still
    }
    const ofSize = (size: number) => (receiver: BodyReceiver) => {
      receiver.onData(Buffer.alloc(size))
      receiver.onEnd()
      return still
    }
    await answering(ok(''), async (client) => {
      await failsWith(call(client, { body: { length: undefined, open: failing } }), 'CLOSED_EARLY')
      await failsWith(call(client, { body: { length: 5, open: ofSize(4) } }), 'MALFORMED')
      await failsWith(call(client, { body: { length: 5, open: ofSize(6) } }), 'MALFORMED')
      assert.equal(client.connections, 0)
    })
  })

  it('holds its source back when the upstream does not read, and stops it when the answer is early', async () => {
    let paused = 0
    let resumed = 0
    let sent = 0
    const endless = (receiver: BodyReceiver) => {
      let flowing = true
      const push = (): void => {
        while (flowing && sent < 500) {
          sent++
          receiver.onData(Buffer.alloc(100_000))
        }
      }
      setImmediate(push)
      return {
        pause: () => {
          paused++
          flowing = false
        },
        resume: () => {
          resumed++
          flowing = true
          push()
        },
      }
    }
    let answer: (() => void) | undefined
    await withServer(
      (exchange) => {
        answer = () => exchange.respond(413, [], 'enough')
      },
      async (port) => {
        const client = newClient(new URL(`http://127.0.0.1:${port}`))
        const calling = call(client, { body: { length: undefined, open: endless } })
        await waitUntil(() => paused > 0 && answer !== undefined, 'the source was paused')
        assert.ok(sent < 500)
        answer?.()
        assert.equal((await calling).status, 413)
        assert.equal(client.connections, 0, 'a half-sent request leaves no usable connection')
        assert.ok(resumed <= paused)
      },
    )
  })
})
