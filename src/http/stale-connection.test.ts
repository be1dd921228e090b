import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { call, failsWith, newClient, ok, requestOf, waitUntil, whole, withUpstream } from './harness.test.ts'

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

  it('tells when a connection that had just been in use died: no server closes that for idleness', async () => {
    for (const die of ['end', 'reset'] as const) {
      await dying(die, async (origin) => {
        const client = newClient(origin)
        const resent: string[] = []
        for (const name of ['first', 'second', 'third']) {
          await new Promise<void>((resolve, reject) =>
            client.send(requestOf(), {
              onResent: () => resent.push(name),
              ...{ onHead() {}, onData() {}, onEnd: resolve, onError: reject },
            }),
          )
        }
        assert.deepEqual(resent, ['second'])
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
    await withUpstream(
      (socket, received) =>
        void (whole(received) && socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n')),
      async (origin) => {
        // Our own idle time is never over.
        const client = newClient(origin, { keepAliveMs: 2_000_000_000 })
        await call(client)
        await waitUntil(() => client.connections === 0, 'the idle connection was closed')
      },
    )
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
