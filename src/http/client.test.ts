import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer as createTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer as createTls, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { call, failsWith, newClient, requestOf, waitUntil, withServer, withUpstream } from './harness.test.ts'
import { type BodyReceiver, CarrierError, type HttpClient, type OutgoingCall } from './types.ts'

const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const whole = (received: string): boolean => received.endsWith('END')

/** An upstream that answers every whole request with the same bytes. */
function answering(answer: string, use: (client: HttpClient) => Promise<void>): Promise<void> {
  return withUpstream(
    (socket, received) => void (whole(received) && socket.write(answer, 'latin1')),
    async (origin) => {
      const client = newClient(origin)
      await use(client).finally(() => client.destroy())
    },
  )
}

/** The same, and the connection closes behind the answer. */
function answeringOnce(answer: string, use: (client: HttpClient) => Promise<void>): Promise<void> {
  return withUpstream(
    (socket, received) => void (whole(received) && socket.end(answer, 'latin1')),
    async (origin) => {
      const client = newClient(origin)
      await use(client).finally(() => client.destroy())
    },
  )
}

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

describe('a stale connection', () => {
  /** The first connection answers once and then dies at the second request; later ones answer. */
  const dying = (die: 'end' | 'reset', use: (origin: URL, seen: number[]) => Promise<void>): Promise<void> => {
    const seen: number[] = []
    return withUpstream(
      (socket, received, connection) => {
        if (!whole(received)) return
        seen.push(connection)
        if (seen.length === 1 || connection > 0) socket.write(ok(`from ${connection}`))
        else if (die === 'end') socket.end()
        else socket.resetAndDestroy()
      },
      (origin) => use(origin, seen),
    )
  }

  it('is replaced by a fresh one, for a request that may be redone', async () => {
    for (const die of ['end', 'reset'] as const) {
      await dying(die, async (origin, seen) => {
        const client = newClient(origin)
        assert.equal((await call(client)).body, 'from 0')
        assert.equal((await call(client)).body, 'from 1')
        assert.deepEqual(seen, [0, 0, 1])
        client.destroy()
      })
    }
  })

  it('fails a request that may not be redone', async () => {
    for (const [die, code] of [
      ['end', 'CLOSED_EARLY'],
      ['reset', 'RESET'],
    ] as const) {
      await dying(die, async (origin, seen) => {
        const client = newClient(origin)
        await call(client)
        await failsWith(call(client, { redo: false }), code, true)
        assert.equal(seen.length, 2)
        client.destroy()
      })
    }
  })

  it('is replaced once only, never on a first use, never after a byte of the answer', async () => {
    let connections = 0
    await withUpstream(
      (socket, received, connection) => {
        if (!whole(received)) return
        connections = connection + 1
        if (received.includes('/first')) socket.write(ok(''))
        else if (received.includes('/partial')) socket.end('HTT')
        else socket.end()
      },
      async (origin) => {
        const client = newClient(origin)
        await failsWith(call(client), 'CLOSED_EARLY', true)
        assert.equal(connections, 1)
        await call(client, { target: '/first' })
        await failsWith(call(client), 'CLOSED_EARLY', true)
        assert.equal(connections, 3, 'one try on the old connection, one on a fresh one')
        await call(client, { target: '/first' })
        await failsWith(call(client, { target: '/partial' }), 'CLOSED_EARLY', true)
        assert.equal(connections, 4)
        client.destroy()
      },
    )
  })

  it('is closed by us before the server does it', async () => {
    await answering(`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=5\r\nContent-Length: 0\r\n\r\n`, async (client) => {
      const start = performance.now()
      await call(client)
      await waitUntil(() => client.connections === 0, 'the idle connection was closed')
      assert.ok(performance.now() - start < 3000, 'long before our own idle time')
    })
    await withUpstream(
      (socket, received) => void (whole(received) && socket.write(ok(''))),
      async (origin) => {
        const client = newClient(origin, { keepAliveMs: 100 })
        await call(client)
        await waitUntil(() => client.connections === 0, 'the idle connection was closed')
      },
    )
  })

  it('is noticed while it is idle', async () => {
    await withUpstream(
      (socket, received) => {
        if (!whole(received)) return
        socket.write(ok('x'))
        setTimeout(() => socket.end(), 5)
      },
      async (origin) => {
        const client = newClient(origin)
        await call(client)
        await waitUntil(() => client.connections === 0, 'the closed connection was dropped')
        assert.equal((await call(client, { redo: false })).body, 'x')
        client.destroy()
      },
    )
  })
})

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

describe('an HTTP client over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carrier-tls-'))
  const file = (name: string): string => join(folder, name)
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${file('key')} -out ${file('cert')}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  )
  const secrets = { key: readFileSync(file('key')), cert: readFileSync(file('cert')) }
  rmSync(folder, { recursive: true })

  it('carries calls to a host whose certificate is vouched for, and keeps the connection', async () => {
    const own = getCACertificates('default')
    setDefaultCACertificates([...own, secrets.cert.toString()])
    const server = createTls(secrets, (socket) => {
      socket.on('error', () => {})
      socket.on('data', () => socket.write(ok(`${'servername' in socket ? socket.servername : ''} ${connections}`)))
    })
    let connections = 0
    server.on('secureConnection', () => connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = newClient(new URL(`https://localhost:${port}`))
    assert.equal((await call(client)).body, 'localhost 1')
    assert.equal((await call(client)).body, 'localhost 1')
    const byAddress = newClient(new URL(`https://127.0.0.1:${port}`))
    await failsWith(call(byAddress), 'TLS_FAILED', false)
    client.destroy()
    server.close()
    setDefaultCACertificates(own)
  })

  it('fails on a certificate that nobody vouches for', async () => {
    const server = createTls(secrets, (socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = newClient(new URL(`https://localhost:${(server.address() as AddressInfo).port}`))
    await failsWith(call(client), 'TLS_FAILED', false)
    server.close()
  })

  it('fails when the other side does not speak TLS', async () => {
    await withUpstream(
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      async (origin) => failsWith(call(newClient(new URL(`https://localhost:${origin.port}`))), 'TLS_FAILED', false),
    )
  })
})
