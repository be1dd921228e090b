import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { ByteAccount } from '../core/byte-account.ts'
import { close, echo, exchangeRaw, get, post, RawClient, upload, waitUntil, withServer } from './harness.test.ts'
import type { Exchange } from './types.ts'

const big = 1_000_000
/** Answers a whole body with its size, another one with why it failed and what was short. */
const measure = (exchange: Exchange): void => {
  exchange.body(big, (error, body) => {
    if (error === undefined) exchange.respond(200, [], `whole ${body.length}`)
    else exchange.respond(500, [], `${error.code} ${exchange.holding.shortage}`)
  })
}
const half = post('x'.repeat(100_000)).slice(0, -1)
/** What is free at each connection. */
const free = 4096

describe('what a server holds for its clients', () => {
  it('is bounded: of 100 bodies that do not end, as many as fit, the others refused, and those that end are served', async () => {
    const account = new ByteAccount(1_000_000, 1_000_000)
    await withServer(
      measure,
      async (port) => {
        const clients = Array.from({ length: 100 }, () => new RawClient(port).send(half))
        const waiting = (): RawClient[] => clients.filter(({ received }) => received === '')
        await waitUntil(() => waiting().length <= 10, 'all but ten were refused')
        assert.ok(account.held <= account.limit)
        for (const { received } of clients) if (received !== '') assert.match(received, /NO_ROOM client/)
        for (const client of waiting()) client.send('x')
        await waitUntil(() => waiting().length === 0, 'those that fitted were served')
        assert.ok(clients.some(({ received }) => received.endsWith('whole 100000')))
        await waitUntil(() => account.held === 0, 'all was given back')
        assert.match(await exchangeRaw(port, post('x'.repeat(50_000), close)), /whole 50000/)
        for (const client of clients) client.close()
      },
      {},
      account,
    )
    assert.deepEqual([account.held, account.clients], [0, 0])
  })

  it('is given back however a body ends', async () => {
    const account = new ByteAccount(10_000_000)
    const endings: Readonly<Record<string, (client: RawClient) => void>> = {
      whole: (client) => client.send('x'),
      FIN: ({ socket }) => socket.end(),
      reset: ({ socket }) => socket.resetAndDestroy(),
      abort: (client) => client.close(),
      silence: () => {},
    }
    await withServer(
      measure,
      async (port) => {
        for (const [name, end] of Object.entries(endings)) {
          const client = new RawClient(port).send(half)
          await waitUntil(() => account.held >= 99_999 - free, `the body was held before its ${name}`)
          end(client)
          await waitUntil(() => account.held === 0, `all was given back after ${name}`)
          client.close()
        }
        for (const broken of [`${upload}\r\n2710\r\n${'x'.repeat(10_000)}bad`, `${upload}\r\n${chunkOf(big + 1)}`]) {
          assert.match(await exchangeRaw(port, broken), /MALFORMED|TOO_LARGE/)
          await waitUntil(() => account.held === 0, 'all was given back after an error')
        }
      },
      { bodyTimeoutMs: 500 },
      account,
    )
  })

  it('is held until the answer is there, and on the account of the client that sent it', async () => {
    const account = new ByteAccount(10_000_000)
    let answer = (): void => {}
    await withServer(
      (exchange) => {
        exchange.body(big, () => {
          answer = () => exchange.respond(204, [], '')
        })
      },
      async (port) => {
        const client = new RawClient(port).send(`${half}x`)
        await waitUntil(() => account.held >= 100_000 - free, 'the body was held')
        assert.equal(account.heldFor('127.0.0.1'), account.held)
        answer()
        await client.until('204')
        assert.equal(account.held, 0)
        client.close()
      },
      {},
      account,
    )
  })

  it('counts heads that do not end and requests that wait behind one', async () => {
    const account = new ByteAccount(10_000_000)
    let waits: Exchange | undefined
    await withServer(
      (exchange) => {
        if (waits === undefined) waits = exchange
        else exchange.respond(204, [], '')
      },
      async (port) => {
        const head = new RawClient(port).send(`GET /${'x'.repeat(60_000)}`)
        await waitUntil(() => account.held >= 50_000, 'the head was counted')
        head.close()
        await waitUntil(() => account.held === 0, 'it was given back')
        const behind = new RawClient(port).send(get + get.repeat(1000))
        await waitUntil(() => account.held > 10_000, 'what waits was counted')
        waits?.respond(204, [], '')
        await waitUntil(() => account.held === 0, 'that was given back too')
        behind.close()
      },
      {},
      account,
    )
  })

  it('costs a head that finds no room an answer', async () => {
    const account = new ByteAccount(10_000)
    await withServer(
      echo,
      async (port) => {
        assert.match(await exchangeRaw(port, `GET /${'x'.repeat(60_000)}`), /^HTTP\/1.1 429 [\s\S]*TOO_MUCH_HELD/)
      },
      {},
      account,
    )
    assert.equal(account.held, 0)
  })
})

function chunkOf(size: number): string {
  return `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
}

describe('a body that drips', () => {
  const drip = { leastBytesPerSecond: 1_000_000, leastRateWindowMs: 300 }

  it('is ended below the least rate though it never stops, and the handler can say so', async () => {
    await withServer(
      measure,
      async (port) => {
        const client = new RawClient(port).send(`${upload}\r\n`)
        const timer = setInterval(() => client.send('1\r\nx\r\n'), 10)
        await client.until('TIMEOUT').finally(() => clearInterval(timer))
        await client.toEnd()
      },
      drip,
    )
  })

  it('is ended in its framing as well, where no byte of a body comes at all', async () => {
    await withServer(
      measure,
      async (port) => {
        const client = new RawClient(port).send(`${upload}\r\n1;`)
        const timer = setInterval(() => client.send('x'), 10)
        await client.until('TIMEOUT').finally(() => clearInterval(timer))
      },
      drip,
    )
  })

  it('is left alone while its reader has paused it', async () => {
    let failed = false
    await withServer(
      (exchange) => {
        const flow = exchange.stream({
          onData: () => {},
          onEnd: () => exchange.respond(200, [], 'whole'),
          onError: () => {
            failed = true
          },
        })
        flow.pause()
        setTimeout(() => flow.resume(), 1500)
      },
      async (port) => {
        const client = new RawClient(port).send(post('x'.repeat(5000)))
        await client.until('whole')
        assert.equal(failed, false)
        client.close()
      },
      drip,
    )
  })
})

describe('a client that reads a byte at a time', () => {
  const large = Buffer.alloc(20_000_000)
  const answers: Readonly<Record<string, (exchange: Exchange) => void>> = {
    whole: (exchange) => exchange.respond(200, [], large),
    'that flows': (exchange) => {
      exchange.onDrain = () => exchange.write(large.subarray(0, 65_536))
      exchange.start(200, [])
      while (exchange.write(large.subarray(0, 65_536)));
    },
  }
  for (const [kind, answer] of Object.entries(answers)) {
    it(`does not hold an answer ${kind} for ever`, async () => {
      let closes = 0
      await withServer(
        (exchange) => {
          answer(exchange)
          exchange.onClose = () => closes++
        },
        async (port, server) => {
          const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(get))
          socket.on('error', () => {})
          socket.on('readable', () => {})
          await waitUntil(() => server.connections === 1, 'it was answered')
          const timer = setInterval(() => socket.read(1), 10)
          await waitUntil(() => server.connections === 0, 'it was cut').finally(() => clearInterval(timer))
          socket.destroy()
          assert.equal(closes, kind === 'whole' ? 0 : 1)
        },
        { writeTimeoutMs: 300 },
      )
    })
  }

  it('may wait as long as it likes for what we have not got', async () => {
    let exchange: Exchange | undefined
    await withServer(
      (one) => {
        one.start(200, [])
        one.write(Buffer.from('first'))
        exchange = one
      },
      async (port) => {
        const client = new RawClient(port).send(get)
        await client.until('first')
        await new Promise((resolve) => setTimeout(resolve, 600))
        exchange?.write(Buffer.from('second'))
        await client.until('second')
        client.close()
      },
      { writeTimeoutMs: 100 },
    )
  })
})

describe('a whole answer that waits for its reader', () => {
  const large = Buffer.alloc(16_777_216, 'x')
  const answerLarge = (exchange: Exchange): void => {
    if (exchange.method === 'GET') exchange.respond(200, [], large)
    else measure(exchange)
  }
  /** Asks and does not read. */
  const deaf = async (port: number, account: ByteAccount) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(get))
    socket.on('error', () => {})
    await waitUntil(() => account.held > 1_000_000, 'what is unread is counted')
    return socket
  }

  it('is counted for its client until it has been read', async () => {
    const account = new ByteAccount(100_000_000)
    await withServer(
      answerLarge,
      async (port, server) => {
        const socket = await deaf(port, account)
        assert.ok(account.held <= large.length + 1000)
        assert.equal(account.heldFor('127.0.0.1'), account.held)
        let read = 0
        socket.on('data', (bytes) => (read += bytes.length))
        await waitUntil(() => read > large.length, 'it was read')
        await waitUntil(() => account.held === 0, 'all was given back')
        assert.equal(server.connections, 1)
        socket.write(get)
        await waitUntil(() => read > 2 * large.length, 'the next one is served')
        await waitUntil(() => account.held === 0, 'all was given back again')
        socket.destroy()
      },
      {},
      account,
    )
  })

  for (const [how, end] of [
    ['the client goes away', (socket: Socket) => socket.destroy()],
    ['the client resets the connection', (socket: Socket) => socket.resetAndDestroy()],
    ['it is unread for too long', () => {}],
  ] as const) {
    it(`is counted no longer when ${how}`, async () => {
      const account = new ByteAccount(100_000_000)
      await withServer(
        answerLarge,
        async (port) => {
          const socket = await deaf(port, account)
          end(socket)
          await waitUntil(() => account.held === 0, 'all was given back')
          socket.destroy()
        },
        { writeTimeoutMs: 300 },
        account,
      )
    })
  }

  it('leaves no room for large bodies of its client, and costs nobody else anything', async () => {
    const account = new ByteAccount(8_000_000, 1_000_000)
    await withServer(
      answerLarge,
      async (port) => {
        const socket = await deaf(port, account)
        assert.match(await exchangeRaw(port, post('x'.repeat(50_000), close)), /NO_ROOM client/)
        assert.match(await exchangeRaw(port, post('x'.repeat(1000), close)), /whole 1000/)
        socket.destroy()
        await waitUntil(() => account.held === 0, 'all was given back')
        assert.match(await exchangeRaw(port, post('x'.repeat(50_000), close)), /whole 50000/)
      },
      {},
      account,
    )
  })
})

describe('connections of one address', () => {
  it('are bounded: one more is told 429, and a place that gets free is taken', async () => {
    await withServer(
      echo,
      async (port, server) => {
        const [first, second] = [new RawClient(port).send(get), new RawClient(port).send(get)]
        await Promise.all([first.until('200 OK'), second.until('200 OK')])
        const refused = await exchangeRaw(port, get)
        assert.match(refused, /^HTTP\/1.1 429 [\s\S]*TOO_MANY_CONNECTIONS[\s\S]*limits.maxConnectionsPerClient/)
        second.send(get)
        await second.until(/200 OK[\s\S]*200 OK/)
        first.close()
        await waitUntil(() => server.connections === 1, 'a place is free')
        await new RawClient(port).send(get).until('200 OK')
        second.close()
      },
      { maxConnectionsPerClient: 2 },
    )
  })

  it('that come in a storm leave the others alone', async () => {
    await withServer(
      echo,
      async (port, server) => {
        const good = new RawClient(port).send(get)
        await good.until('200 OK')
        const storm = Array.from({ length: 300 }, () => new RawClient(port))
        good.send(get)
        await good.until(/200 OK[\s\S]*200 OK/)
        for (const one of storm) one.close()
        await waitUntil(() => server.connections === 1, 'the storm is over')
        good.close()
      },
      { maxConnectionsPerClient: 5 },
    )
  })
})
