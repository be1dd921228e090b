import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { close, echo, exchangeRaw, get, post, RawClient, waitUntil, withServer } from './harness.test.ts'
import type { CarrierError, Exchange } from './types.ts'

describe('the deadlines of an HTTP server', () => {
  const short = { headTimeoutMs: 80, bodyTimeoutMs: 80, writeTimeoutMs: 80, keepAliveMs: 80 }

  it('answer 408 to a head that does not end, even when it drips', async () => {
    await withServer(
      echo,
      async (port) => {
        const client = new RawClient(port).send(get + get.slice(0, 20))
        const drip = setInterval(() => client.send('a'), 10)
        assert.match(await client.toEnd(), /200 OK[\s\S]*HTTP\/1\.1 408 [\s\S]*REQUEST_TIMEOUT/)
        clearInterval(drip)
      },
      { ...short, keepAliveMs: 60_000 },
    )
  })

  it('close a connection that never says anything, and one that stays idle', async () => {
    await withServer(
      echo,
      async (port) => {
        assert.equal(await new RawClient(port).toEnd(), '')
        assert.match(await new RawClient(port).send(get).toEnd(), /^HTTP\/1\.1 200 OK\r\n(?![\s\S]*HTTP)/)
      },
      short,
    )
  })

  it('spare a client that comes when nobody has come for longer than they last', async () => {
    await withServer(
      echo,
      async (port) => {
        await new Promise((resolve) => setTimeout(resolve, 250))
        assert.match(await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: x\r\n${close}\r\n`), /^HTTP\/1\.1 200 OK/)
      },
      short,
    )
  })

  it('count a stray line end between requests as idleness', async () => {
    await withServer(
      echo,
      async (port) => {
        const client = new RawClient(port).send(`${get}\r\n`)
        await new Promise((resolve) => setTimeout(resolve, 250))
        await client.send(get).until(/200 OK[\s\S]*200 OK/)
        client.close()
      },
      { ...short, keepAliveMs: 60_000 },
    )
  })

  it('fail a body that stops coming, and let the handler answer', async () => {
    await withServer(
      echo,
      async (port) =>
        assert.match(await exchangeRaw(port, post('12345').slice(0, -1)), /400 Bad Request[\s\S]*TIMEOUT$/),
      { ...short, keepAliveMs: 60_000 },
    )
  })

  it('leave a body alone that the handler itself has paused', async () => {
    let failure: CarrierError | undefined
    const pause = (exchange: Exchange): void => {
      const flow = exchange.stream({
        onData: () => {},
        onEnd: () => exchange.respond(200, [], 'whole'),
        onError: (error) => {
          failure = error
        },
      })
      flow.pause()
      setTimeout(() => flow.resume(), 300)
    }
    await withServer(
      pause,
      async (port) => {
        await new RawClient(port).send(post('x'.repeat(50_000))).until('whole')
        assert.equal(failure, undefined)
      },
      { ...short, keepAliveMs: 60_000 },
    )
  })

  it('cut a client that does not read its answer', async () => {
    let closes = 0
    const flood = (exchange: Exchange): void => {
      exchange.onClose = () => closes++
      exchange.start(200, [])
      exchange.onDrain = () => exchange.write(Buffer.alloc(1_000_000))
      for (let n = 0; n < 20; n++) exchange.write(Buffer.alloc(1_000_000))
    }
    await withServer(
      flood,
      async (port, server) => {
        const client = new RawClient(port)
        client.socket.pause()
        client.send(get)
        await waitUntil(() => closes === 1, 'the connection was cut')
        assert.equal(server.connections, 0)
        client.close()
      },
      short,
    )
  })

  it('leave an answer alone that takes its time', async () => {
    const late = (exchange: Exchange): void => void setTimeout(() => exchange.respond(200, [], 'late'), 300)
    await withServer(late, async (port) => void (await new RawClient(port).send(get).until('late')), short)
  })
})
