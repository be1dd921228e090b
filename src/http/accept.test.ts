import assert from 'node:assert/strict'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { describe, it } from 'node:test'
import { ByteAccount } from '../core/byte-account.ts'
import { realClock } from '../core/clock.ts'
import { accept, acceptPlain } from './accept.ts'
import { RawClient } from './harness.test.ts'
import { serverDefaults } from './server.ts'
import type { ServerConnection, ServerShared } from './server-connection.ts'
import type { Exchange } from './types.ts'
import { Watch } from './watch.ts'

const shared = (onExchange: (exchange: Exchange) => void): ServerShared => ({
  options: serverDefaults,
  watch: new Watch<ServerConnection>(realClock, 1000),
  onExchange,
  account: new ByteAccount(1e9),
  dateLine: '',
  draining: false,
  gone: () => {},
})

describe('an accepted connection', () => {
  for (const open of [accept, acceptPlain]) {
    it(`serves bodies, pauses and pipelines alike: ${open.name}`, async () => {
      const sum = (exchange: Exchange): void => {
        let size = 0
        const flow = exchange.stream({
          onData: (chunk) => {
            size += chunk.length
            flow.pause()
            setImmediate(() => flow.resume())
          },
          onEnd: () => exchange.respond(200, [], `${size} `),
          onError: () => exchange.destroy(),
        })
      }
      const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
        open(shared(sum), socket)
      })
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
      const client = new RawClient((listener.address() as AddressInfo).port)
      const post = (size: number): string =>
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n${'y'.repeat(size)}`
      client.socket.end(post(300_000) + post(5) + post(0) + post(100_000))
      const sizes = (await client.toEnd()).match(/^\d+ /gm)
      assert.deepEqual(sizes?.map(Number), [300_000, 5, 0, 100_000])
      listener.close()
    })
  }

  it('belongs to the network of its address: what one of a /64 holds is held by all of it', () => {
    const one = shared(() => {})
    const from = (remoteAddress: string): ServerConnection =>
      acceptPlain(one, Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress }))
    const [first, second, other] = ['2001:db8::1', '2001:db8::2:3', '2001:db8:0:1::1'].map(from)
    first!.openHolding().take(10)
    assert.deepEqual(
      [second, other].map((connection) => one.account.heldFor(connection!.client)),
      [10, 0],
    )
    assert.equal(from('::ffff:192.0.2.7').client, from('192.0.2.7').client)
  })
})
