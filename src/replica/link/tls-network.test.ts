import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { realClock, sleep } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { privateKeyFrom, publicBytesOf } from '../identity/keys.ts'
import type { LinkHandlers, PeerLink } from '../seams.ts'
import { selfSignedCertificate } from './certificate.ts'
import { type PeerAddress, TlsNetwork, type TlsNetworkOptions } from './tls-network.ts'

const keys = [1, 2, 3].map((n) => privateKeyFrom(Buffer.alloc(32, n)))
const digest = Buffer.alloc(32, 9)
const networks: TlsNetwork[] = []

afterEach(async () => {
  await Promise.all(networks.splice(0).map((network) => new Promise<void>((done) => network.close(done))))
})

/** One end of a link that keeps what happened to it. */
class End implements LinkHandlers {
  readonly frames: string[] = []
  link: PeerLink | undefined
  closed: string | undefined
  drains = 0
  bytes = 0
  onFrame(frame: Uint8Array): void {
    this.bytes += frame.length
    if (frame.length < 100) this.frames.push(Buffer.from(frame).toString())
  }
  onDrain(): void {
    this.drains++
  }
  onClose(reason: string): void {
    assert.equal(this.closed, undefined, 'onClose comes once')
    this.closed = reason
  }
}

type Overrides = Partial<Omit<TlsNetworkOptions, 'own' | 'peers'>>

function networkOf(own: number, peers: readonly PeerAddress[], overrides: Overrides = {}): TlsNetwork {
  const network = new TlsNetwork({
    peers,
    own,
    networkKey: keys[own]!,
    epoch: 0,
    committeeDigest: digest,
    listen: { host: '127.0.0.1', port: 0 },
    clock: realClock,
    random: systemRandom,
    log: silentLog,
    ...overrides,
  })
  networks.push(network)
  return network
}

const addresses = (port: number): PeerAddress[] =>
  keys.map((key) => ({ host: '127.0.0.1', port, networkKey: publicBytesOf(key)! }))

async function listening(own: number, overrides: Overrides = {}) {
  const ends: End[] = []
  const network = networkOf(own, addresses(1), overrides)
  await new Promise<void>((resolve, reject) =>
    network.listen(
      (link) => {
        const end = new End()
        end.link = link
        ends.push(end)
        return end
      },
      (error) => (error === undefined ? resolve() : reject(error)),
    ),
  )
  return { network, ends }
}

/** Dials and gives the open end, or the reason it failed. */
function dial(network: TlsNetwork, peer: number): Promise<End | string> {
  return new Promise((resolve) => {
    const end = new End()
    network.connect(
      peer,
      (link) => {
        end.link = link
        resolve(end)
        return end
      },
      resolve,
    )
  })
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = realClock.now() + 5_000
  while (!condition()) {
    if (realClock.now() > deadline) assert.fail(`waited too long until ${what}`)
    await sleep(realClock, 5)
  }
}

describe('links over TLS', () => {
  it('carry frames of any size both ways, in order, between proved peers', async () => {
    const server = await listening(0)
    const end = await dial(networkOf(1, addresses(server.network.port)), 0)
    assert.ok(end instanceof End)
    await until(() => server.ends.length === 1, 'the link was taken')
    const other = server.ends[0]!
    assert.equal(other.link?.peer, 1)
    assert.equal(end.link?.peer, 0)
    for (const text of ['one', 'two']) assert.equal(end.link?.send(Buffer.from(text)), true)
    assert.equal(end.link?.send(Buffer.alloc(3_000_000)), true)
    other.link?.send(Buffer.from('back'))
    await until(() => other.bytes === 3_000_006 && end.frames.length === 1, 'all frames arrived')
    assert.deepEqual(other.frames, ['one', 'two'])
    assert.deepEqual(end.frames, ['back'])
  })

  it('refuse a stranger, on either side', async () => {
    const server = await listening(0)
    const stranger = networkOf(1, addresses(server.network.port), { networkKey: privateKeyFrom(Buffer.alloc(32, 77)) })
    const end = await dial(stranger, 0)
    if (end instanceof End) await until(() => end.closed !== undefined, 'the stranger was thrown out')
    assert.equal(server.network.refusals.stranger, 1)
    assert.equal(server.ends.length, 0)

    const impostor = await listening(0, { networkKey: privateKeyFrom(Buffer.alloc(32, 78)) })
    const client = networkOf(1, addresses(impostor.network.port))
    assert.match((await dial(client, 0)) as string, /no key of this committee/)
    assert.equal(client.refusals.stranger, 1)
  })

  it('refuse a committee key that belongs to another authority than the dialled', async () => {
    const server = await listening(2)
    const client = networkOf(1, addresses(server.network.port))
    assert.match((await dial(client, 0)) as string, /key of authority 2/)
    assert.equal(client.refusals.wrongKey, 1)
  })

  it('refuse our own key coming from outside', async () => {
    const server = await listening(0)
    const twin = networkOf(1, addresses(server.network.port), { networkKey: keys[0]! })
    await dial(twin, 0)
    assert.equal(server.network.refusals.stranger, 1)
    assert.equal(server.ends.length, 0)
  })

  it('refuse another epoch and another committee', async () => {
    const server = await listening(0)
    for (const overrides of [{ epoch: 1 }, { committeeDigest: Buffer.alloc(32, 1) }]) {
      const client = networkOf(1, addresses(server.network.port), overrides)
      const end = await dial(client, 0)
      if (end instanceof End) await until(() => end.closed !== undefined, 'the link was closed')
    }
    await until(() => server.network.refusals.wrongEpoch === 2, 'both were counted')
    assert.equal(server.ends.length, 0)
  })

  it('refuse a client without certificate, one with another kind of key, and one that speaks no TLS', async () => {
    const server = await listening(0)
    const port = server.network.port
    const plain = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    plain.on('error', () => {})
    await once(plain, 'close')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    assert.equal(publicBytesOf(privateKey), undefined)
    const raw = tcpConnect(port, '127.0.0.1')
    raw.on('error', () => {})
    raw.write('GET / HTTP/1.1\r\n\r\n')
    await once(raw, 'close')
    await until(() => server.network.refusals.handshake === 1, 'the broken handshake was counted')
    assert.equal(server.network.refusals.stranger, 1)
    assert.equal(server.ends.length, 0)
  })

  it('refuse older TLS', async () => {
    const server = await listening(0)
    const old = tlsConnect({
      host: '127.0.0.1',
      port: server.network.port,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    })
    const [error] = (await once(old, 'error')) as [Error]
    assert.match(String(error), /protocol version/i)
  })

  it('refuse a committee member that opens with something else than a hello', async () => {
    const server = await listening(0)
    for (const bytes of [Buffer.alloc(50, 1), Buffer.from([0, 0, 1, 44, ...Buffer.alloc(300)])]) {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port: server.network.port,
        rejectUnauthorized: false,
        key: keys[1]!.export({ format: 'pem', type: 'pkcs8' }),
        cert: selfSignedCertificate(keys[1]!, 'one'),
      })
      socket.on('error', () => {})
      socket.write(bytes)
      socket.resume()
      await once(socket, 'close')
    }
    assert.equal(server.network.refusals.handshake, 2)
    assert.equal(server.ends.length, 0)
  })

  it('give up on a peer that never says hello', async () => {
    const server = await listening(0, { handshakeMs: 50 })
    const silent = tcpConnect(server.network.port, '127.0.0.1').resume()
    silent.on('error', () => {})
    await once(silent, 'close')
    assert.equal(server.network.refusals.handshake, 1)

    const mute = createServer(() => {}).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const dialler = networkOf(1, addresses((mute.address() as AddressInfo).port), { handshakeMs: 50 })
    assert.match((await dial(dialler, 0)) as string, /took too long/)
    mute.close()
  })

  it('bound the sockets of those who have not proved anything', async () => {
    const server = await listening(0, { places: { silent: 2, tls: 2 } })
    const sockets = Array.from({ length: 5 }, () => tcpConnect(server.network.port, '127.0.0.1'))
    let closed = 0
    for (const socket of sockets) socket.on('error', () => {}).on('close', () => closed++)
    await until(() => closed === 3, 'three were turned away')
    const member = networkOf(2, addresses(server.network.port))
    assert.ok((await dial(member, 0)) instanceof End, 'a member is let in while strangers hold all places')
    for (const socket of sockets) socket.destroy()
    await until(() => closed === 5, 'all are gone')
    assert.ok((await dial(networkOf(1, addresses(server.network.port)), 0)) instanceof End)
  })

  it('open for members while strangers come faster than they can be turned away, silent or half through a hello', async () => {
    for (const says of ['', '\x16\x03\x01\x02\x00\x01']) {
      const server = await listening(0, { places: { silent: 8, tls: 4 } })
      const strangers = new Set<Socket>()
      const intrude = (): void => {
        const socket = tcpConnect({ host: '127.0.0.1', port: server.network.port, localAddress: '127.0.0.2' })
        socket.on('error', () => {}).on('close', () => strangers.delete(socket))
        strangers.add(socket.resume())
        if (says !== '') socket.write(says, 'latin1')
      }
      const member = networkOf(1, addresses(server.network.port))
      for (let round = 0; round < 20; round++) {
        for (let n = 0; n < 20; n++) intrude()
        const end = await dial(member, 0)
        assert.ok(end instanceof End, `${end}`)
      }
      assert.ok(server.network.refusals.handshake > 100, 'strangers were turned away')
      assert.equal(server.ends.length, 20)
      for (const socket of strangers) socket.destroy()
    }
  })

  it('read a first flight that comes in pieces', async () => {
    const server = await listening(0)
    const relay = createServer((near) => {
      const far = tcpConnect(server.network.port, '127.0.0.1')
      for (const socket of [near, far])
        socket.on('error', () => {}).on('close', () => [near, far].map((s) => s.destroy()))
      far.pipe(near)
      near.once('data', (hello) => {
        far.setNoDelay(true).write(hello.subarray(0, 3))
        far.write(hello.subarray(3, 40))
        setImmediate(() => {
          far.write(hello.subarray(40))
          near.pipe(far)
        })
      })
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const end = await dial(networkOf(1, addresses((relay.address() as AddressInfo).port)), 0)
    assert.ok(end instanceof End, `${end}`)
    relay.close()
  })

  it('refuse frames over the queue limit and tell when there is room again', async () => {
    const server = await listening(0)
    const end = await dial(networkOf(1, addresses(server.network.port), { limits: { maxQueuedBytes: 100_000 } }), 0)
    assert.ok(end instanceof End)
    await until(() => server.ends.length === 1, 'the link was taken')
    const other = server.ends[0]!
    other.link?.pause()
    let sent = 0
    await until(() => {
      if (end.link?.send(Buffer.alloc(50_000)) === false) return true
      sent += 50_000
      return false
    }, 'the queue was full')
    assert.equal(end.drains, 0)
    other.link?.resume()
    await until(() => end.drains === 1, 'the queue drained')
    await until(() => other.bytes === sent, 'nothing that was taken is lost')
  })

  it('refuse frames over the queue limit in number, too: an unread queue of small frames takes much memory', async () => {
    const server = await listening(0)
    const end = await dial(networkOf(1, addresses(server.network.port), { limits: { maxQueuedFrames: 100 } }), 0)
    assert.ok(end instanceof End)
    await until(() => server.ends.length === 1, 'the link was taken')
    let sent = 0
    while (end.link?.send(Buffer.alloc(5)) === true && sent < 10_000) sent++
    assert.equal(sent, 100)
    await until(() => end.drains === 1, 'the queue drained')
    await until(() => server.ends[0]!.bytes === 5 * sent, 'nothing that was taken is lost')
  })

  it('close when the other side falls silent, and stay open while idle', async () => {
    const server = await listening(0, { limits: { idleMs: 100 } })
    const client = networkOf(1, addresses(server.network.port), { limits: { idleMs: 100 } })
    const end = await dial(client, 0)
    assert.ok(end instanceof End)
    await sleep(realClock, 300)
    assert.equal(end.closed, undefined)
    const lazy = await dial(networkOf(2, addresses(server.network.port), { limits: { idleMs: 60_000 } }), 0)
    assert.ok(lazy instanceof End)
    await until(() => lazy.closed !== undefined, 'the silent link was closed')
  })

  it('close on a frame over the limit', async () => {
    const server = await listening(0, { limits: { maxFrameBytes: 1000 } })
    const end = await dial(networkOf(1, addresses(server.network.port)), 0)
    assert.ok(end instanceof End)
    end.link?.send(Buffer.alloc(1001))
    await until(() => server.ends[0]?.closed !== undefined, 'the link was closed')
    assert.match(server.ends[0]!.closed!, /over the limit/)
    await until(() => end.closed !== undefined, 'the sender noticed')
    assert.equal(end.link?.send(Buffer.alloc(1)), false)
  })

  it('tell the dialler when nobody listens, and the listener when the port is taken', async () => {
    assert.match((await dial(networkOf(1, addresses(1)), 0)) as string, /ECONNREFUSED/)
    const server = await listening(0)
    const twin = networkOf(0, addresses(1), { listen: { host: '127.0.0.1', port: server.network.port } })
    const error = await new Promise((resolve) => twin.listen(() => new End(), resolve))
    assert.equal((error as { code?: string }).code, 'PEER_LISTEN_FAILED')
  })
})
