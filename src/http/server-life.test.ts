import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { realClock } from '../core/clock.ts'
import { echo, exchangeRaw, get, post, RawClient, upload, waitUntil, withServer } from './harness.test.ts'
import { createHttpServer, serverDefaults } from './server.ts'
import type { Exchange } from './types.ts'

describe('the life of an HTTP server', () => {
  it('turns connections away above its limit', async () => {
    await withServer(
      echo,
      async (port, server) => {
        const first = new RawClient(port).send(get)
        await first.until('200 OK')
        const second = new RawClient(port).send(get)
        assert.match(await second.until('TOO_MANY'), /^HTTP\/1\.1 503 [\s\S]*Connection: close/)
        first.close()
        await waitUntil(() => server.connections === 1, 'the first connection was gone')
        const third = new RawClient(port).send(get)
        await third.until('200 OK')
        second.close()
        third.close()
      },
      { maxConnections: 1 },
    )
  })

  it('drains: closes what is idle, finishes what runs, accepts nothing', async () => {
    let waiting: Exchange | undefined
    const hold = (exchange: Exchange): void => {
      if (exchange.target === '/wait') waiting = exchange
      else exchange.respond(200, [], 'ok')
    }
    await withServer(hold, async (port, server) => {
      const idle = new RawClient(port).send(get)
      await idle.until('ok')
      const busy = new RawClient(port).send(get.replace('/', '/wait'))
      await waitUntil(() => waiting !== undefined, 'the second request came')
      let drained = false
      const drain = server.drain().then(() => {
        drained = true
      })
      await idle.toEnd()
      assert.equal(drained, false)
      const refused = new RawClient(port)
      await waitUntil(() => refused.closed, 'a new connection was refused')
      waiting?.respond(200, [], 'last words')
      assert.match(await busy.toEnd(), /Connection: close[\s\S]*last words$/)
      await drain
      assert.equal(server.connections, 0)
    })
  })

  it('takes leave: the next answer of a connection is its last, a request that comes first finds the door open', async () => {
    await withServer(echo, async (port, server) => {
      const used = new RawClient(port).send(get)
      await used.until('200 OK')
      const fresh = new RawClient(port)
      await waitUntil(() => server.connections === 2, 'both are connected')
      const left = server.takeLeave(60_000)
      const late = new RawClient(port).send(get)
      for (const client of [used.send(get), fresh.send(get), late]) {
        assert.match(await client.toEnd(), /200 OK[\s\S]*Connection: close/)
      }
      await left
      await server.drain()
      assert.equal(server.connections, 0)
    })
  })

  it('takes leave of requests in a pipeline behind the last of them', async () => {
    const held: Exchange[] = []
    await withServer(
      (exchange) => held.push(exchange),
      async (port, server) => {
        const client = new RawClient(port).send(get.repeat(3))
        await waitUntil(() => held.length === 1, 'the first request came')
        const left = server.takeLeave(60_000)
        for (let n = 0; n < 3; n++) {
          await waitUntil(() => held.length === n + 1, 'the next request came')
          held[n]?.respond(200, [], `${n}`)
        }
        const answers = (await client.toEnd()).split('HTTP/1.1 200 OK').slice(1)
        assert.deepEqual(
          answers.map((answer) => answer.includes('Connection: close')),
          [false, false, true],
        )
        await left
      },
    )
  })

  it('does not wait for ever for a pipeline that never runs empty', async () => {
    await withServer(echo, async (port, server) => {
      const client = new RawClient(port)
      let sent = 0
      client.socket.on('data', () => {
        if (!client.received.includes('Connection: close')) client.send(get.repeat(2))
        sent++
      })
      client.send(get.repeat(4))
      await waitUntil(() => sent > 10, 'the pipeline runs')
      const left = server.takeLeave(60_000)
      await client.until('Connection: close')
      client.close()
      await left
    })
  })

  it('does not cut an answer that a slow reader still reads', async () => {
    const long = Buffer.alloc(6_000_000, 'x')
    await withServer(
      (exchange) => exchange.respond(200, [], long),
      async (port, server) => {
        const client = new RawClient(port)
        client.socket.pause()
        client.send(get)
        await waitUntil(() => server.connections === 1, 'it is connected')
        await server.takeLeave(1200)
        const drained = server.drain()
        client.socket.resume()
        assert.ok((await client.toEnd()).length > long.length)
        await drained
      },
    )
  })

  it('drains at once when nothing is connected', async () => {
    await withServer(echo, async (_, server) => server.drain())
  })

  it('says that a port is taken', async () => {
    await withServer(echo, async (port) => {
      const second = createHttpServer(serverDefaults, realClock, echo)
      await assert.rejects(second.listen('127.0.0.1', port), { code: 'CANNOT_LISTEN' })
    })
  })

  it('survives clients that reset at any moment', async () => {
    await withServer(echo, async (port, server) => {
      for (const text of ['', 'GET', get, post('12345').slice(0, -2), `${upload}\r\n5\r\nab`, get.repeat(50)]) {
        const client = new RawClient(port)
        await new Promise((resolve) => client.socket.once('connect', resolve))
        client.send(text)
        await new Promise((resolve) => setImmediate(resolve))
        client.socket.resetAndDestroy()
      }
      await waitUntil(() => server.connections === 0, 'all connections were gone')
      const client = new RawClient(port).send(get)
      await client.until('200 OK')
      client.close()
    })
  })

  it('leaves no doubt about a destroyed answer that the end of the connection would complete', async () => {
    const cut = (exchange: Exchange): void => {
      exchange.start(200, [])
      exchange.write(Buffer.from('half'))
      setTimeout(() => exchange.destroy(), 20)
    }
    await withServer(cut, async (port) => {
      const client = new RawClient(port).send('GET / HTTP/1.0\r\n\r\n')
      await waitUntil(() => client.closed, 'the connection was cut')
      assert.equal(client.ended, false, 'there was no orderly end')
    })
  })

  it('does not let an exchange that is over touch the connection', async () => {
    const over: Exchange[] = []
    const errors: string[] = []
    const keep = (exchange: Exchange): void => {
      over.push(exchange)
      if (over.length === 2) {
        over[0]?.destroy()
        over[0]?.body(10, (error) => errors.push(error?.code ?? ''))
      }
      exchange.respond(200, [], `${over.length}`)
    }
    await withServer(keep, async (port) => {
      const client = new RawClient(port).send(get)
      await client.until(/1$/)
      await client.send(get).until(/2$/)
      await waitUntil(() => errors.length > 0, 'the body was refused')
      assert.deepEqual(errors, ['ABORTED'])
      client.close()
    })
  })

  it('cuts the connection when the handler destroys its answer', async () => {
    let closes = 0
    const cut = (exchange: Exchange): void => {
      exchange.onClose = () => closes++
      exchange.start(200, [])
      exchange.write(Buffer.from('half'))
      exchange.destroy()
    }
    await withServer(cut, async (port, server) => {
      const text = await exchangeRaw(port, get)
      assert.ok(!text.includes('0\r\n\r\n'), text)
      await waitUntil(() => server.connections === 0, 'the connection was gone')
      assert.equal(closes, 0)
    })
  })
})
