import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer as createTcp } from 'node:net'
import { describe, it } from 'node:test'
import {
  answering,
  answeringOnce,
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
import type { CarrierError, OutgoingCall } from './types.ts'

describe('an HTTP client', () => {
  it('sends head and body, adding Host and Content-Length', async () => {
    let seen = ''
    await withUpstream(
      (socket, received) => {
        seen = received
        if (whole(received)) socket.write(ok('fine'))
      },
      async (origin) => {
        const client = newClient(origin)
        const headers = ['X-A', '1', 'x-a', '2', 'Host', 'evil', 'Content-Length', '9', 'Transfer-Encoding', 'x']
        const answer = await call(client, { target: '/p?q', headers })
        assert.equal(
          seen,
          `POST /p?q HTTP/1.1\r\nHost: ${origin.host}\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nEND`,
        )
        assert.deepEqual(answer, { status: 200, headers: ['Content-Length', '4'], body: 'fine' })
        client.destroy()
      },
    )
  })

  it('refuses headers, methods and targets that break their line', async () => {
    const client = newClient(new URL('http://127.0.0.1:1'))
    const receiver = { onHead: () => {}, onData: () => {}, onEnd: () => {}, onError: () => {} }
    const send = (parts: object): OutgoingCall => client.send(requestOf(parts), receiver)
    assert.throws(() => send({ headers: ['X', 'a\r\nb'] }), { code: 'BAD_HEADER' })
    assert.throws(() => send({ headers: ['X Y', 'a'] }), { code: 'BAD_HEADER' })
    assert.throws(() => send({ target: '/a b' }), { code: 'INVARIANT_BROKEN' })
    assert.throws(() => send({ target: '/ä' }), { code: 'INVARIANT_BROKEN' })
    assert.throws(() => send({ method: 'A B' }), { code: 'INVARIANT_BROKEN' })
    assert.equal(client.connections, 0)
  })

  it('reads every framing of an answer', async () => {
    const cases: [string, number, string][] = [
      [ok('body'), 200, 'body'],
      ['HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi', 200, 'hi'],
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n', 200, 'abcde'],
      [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok('late')}`, 200, 'late'],
      ['HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
      ['HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n', 304, ''],
      ['HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n', 500, ''],
    ]
    for (const [bytes, status, body] of cases) {
      await answering(bytes, async (client) => {
        for (const _ of [1, 2]) {
          const answer = await call(client)
          assert.equal(answer.status, status)
          assert.equal(answer.body, body)
        }
        assert.equal(client.connections, 1, 'the connection is used again')
      })
    }
    await answeringOnce('HTTP/1.1 200 OK\r\n\r\nto the end', async (client) => {
      assert.equal((await call(client)).body, 'to the end')
      await waitUntil(() => client.connections === 0, 'the connection was dropped')
    })
  })

  it('takes no body for HEAD', async () => {
    await withUpstream(
      (socket, received) =>
        void (received.endsWith('\r\n\r\n') && socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n')),
      async (origin) => {
        const client = newClient(origin)
        assert.equal((await call(client, { method: 'HEAD', body: undefined })).body, '')
        client.destroy()
      },
    )
  })

  it('fails on answers that are not HTTP/1.1, or that two readers could frame differently', async () => {
    const bad = [
      'SSH-2.0-x\r\n\r\n',
      'HTTP/2 200\r\n\r\n',
      'HTTP/1.1 20 OK\r\n\r\n',
      'HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
      'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    ]
    for (const bytes of bad) {
      await answering(bytes, async (client) => {
        await failsWith(call(client), 'MALFORMED', true)
        await waitUntil(() => client.connections === 0, 'the connection was dropped')
      })
    }
    await answering(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(70_000)}`, (client) =>
      failsWith(call(client), 'TOO_LARGE', true),
    )
  })

  it('fails when the answer is cut short', async () => {
    for (const bytes of [
      '',
      'HTTP/1.1 200 OK\r\nCont',
      ok('body').slice(0, -1),
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
    ]) {
      await answeringOnce(bytes, (client) => failsWith(call(client), 'CLOSED_EARLY', true))
    }
    await withUpstream(
      (socket, received) => void (whole(received) && socket.resetAndDestroy()),
      async (origin) => failsWith(call(newClient(origin)), 'RESET', true),
    )
  })

  it('does not use a connection again that brought more than the answer, or is to be closed', async () => {
    for (const bytes of [
      `${ok('body')}x`,
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 0\r\n\r\n',
    ]) {
      await answering(bytes, async (client) => {
        await call(client)
        assert.equal(client.connections, 0)
      })
    }
    await withUpstream(
      (socket, received) => {
        if (!whole(received)) return
        socket.write(ok('1'))
        setTimeout(() => socket.write(ok('unasked')), 5)
      },
      async (origin) => {
        const client = newClient(origin)
        assert.equal((await call(client)).body, '1')
        await waitUntil(() => client.connections === 0, 'the poisoned connection was dropped')
      },
    )
  })

  it('says why no connection came about', async () => {
    const closed = createTcp()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const secret = new URL(`http://user:secret@127.0.0.1:${port}/hidden`)
    await failsWith(call(newClient(secret)), 'CONNECT_REFUSED', false)
    await call(newClient(secret)).catch((error: CarrierError) => assert.ok(!/secret|hidden|user/.test(error.message)))
    await failsWith(call(newClient(new URL('http://nowhere.invalid'))), 'CONNECT_FAILED', false)
  })

  it('gives up a connection that does not come about in time', async () => {
    const silent = createTcp()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    // A handshake that nobody answers hangs as a SYN to a dead host does.
    const client = newClient(new URL(`https://127.0.0.1:${port}`), { connectTimeoutMs: 60 })
    await failsWith(call(client), 'CONNECT_TIMEOUT', false)
    assert.equal(client.connections, 0)
    silent.close()
  })

  it('opens connections up to its limit and lets further calls wait their turn', async () => {
    let most = 0
    const order: string[] = []
    await withServer(
      (exchange) => {
        order.push(exchange.target)
        setTimeout(() => exchange.respond(200, [], exchange.target), 2)
      },
      async (port, server) => {
        const client = newClient(new URL(`http://127.0.0.1:${port}`), { maxConnections: 2 })
        const watching = setInterval(() => {
          most = Math.max(most, server.connections)
        }, 1)
        const targets = Array.from({ length: 30 }, (_, n) => `/${n}`)
        const answers = await Promise.all(targets.map((target) => call(client, { target })))
        clearInterval(watching)
        assert.deepEqual(
          answers.map((answer) => answer.body),
          targets,
        )
        assert.deepEqual(order.slice(2), targets.slice(2))
        assert.ok(most <= 2)
        assert.equal(client.connections, 2)
        client.destroy()
      },
    )
  })

  it('takes the connection that was used last', async () => {
    const used: number[] = []
    await withUpstream(
      (socket, received, connection) => {
        if (!whole(received)) return
        used.push(connection)
        setTimeout(() => socket.write(ok('')), connection === 0 ? 30 : 1)
      },
      async (origin) => {
        const client = newClient(origin)
        await Promise.all([call(client), call(client)])
        await call(client)
        assert.equal(used.at(-1), 0)
        client.destroy()
      },
    )
  })
})

describe('the life of an HTTP client', () => {
  it('closes when the running calls are done, and takes no more', async () => {
    await withServer(
      (exchange) => setTimeout(() => exchange.respond(200, [], 'done'), 20),
      async (port) => {
        const client = newClient(new URL(`http://127.0.0.1:${port}`), { maxConnections: 1 })
        const running = [call(client), call(client)]
        const closing = client.close()
        await failsWith(call(client), 'ABORTED', false)
        await closing
        assert.deepEqual(
          (await Promise.all(running)).map((answer) => answer.body),
          ['done', 'done'],
        )
        assert.equal(client.connections, 0)
        await client.close()
      },
    )
  })

  it('fails all calls when it is destroyed', async () => {
    await withUpstream(
      () => {},
      async (origin) => {
        const client = newClient(origin, { maxConnections: 1 })
        const calls = [call(client), call(client)]
        setTimeout(() => client.destroy(), 20)
        for (const running of calls) await failsWith(running, 'ABORTED')
      },
    )
  })
})
