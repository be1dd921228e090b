import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startTcpLink, type TcpLink } from './tcp-link.ts'
import { until } from './until.ts'

interface Client {
  socket: Socket
  text: string
  ended: boolean
  error: string | undefined
}

function open(port: number): Client {
  const socket = connect(port, '127.0.0.1')
  const client: Client = { socket, text: '', ended: false, error: undefined }
  socket.on('data', (chunk) => (client.text += chunk))
  socket.on('end', () => (client.ended = true))
  socket.on('error', (error: NodeJS.ErrnoException) => (client.error = error.code))
  return client
}

describe('the TCP link', () => {
  let echo: Server
  let link: TcpLink
  const clients: Client[] = []
  const dial = (): Client => {
    const client = open(link.port)
    clients.push(client)
    return client
  }
  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
    link = await startTcpLink((echo.address() as AddressInfo).port)
  })
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy()
    await link.close()
    await new Promise((resolve) => echo.close(resolve))
  })

  it('passes bytes and ends both ways', async () => {
    const client = dial()
    client.socket.end('hello')
    await until(() => client.ended)
    assert.equal(client.text, 'hello')
    assert.equal(link.connections, 1)
    await until(() => link.open === 0)
  })

  it('holds everything while stalled and keeps its order', async () => {
    const client = dial()
    client.socket.write('a')
    await until(() => client.text === 'a')
    link.stall()
    client.socket.write('b')
    link.delay(5)
    client.socket.write('c')
    link.delay(0)
    client.socket.write('d')
    await assert.rejects(until(() => client.text !== 'a', { deadlineMs: 50 }))
    link.resume()
    await until(() => client.text === 'abcd', { describe: () => client.text })
  })

  it('delays', async () => {
    link.delay(40)
    const client = dial()
    const begin = performance.now()
    client.socket.write('a')
    await until(() => client.text === 'a')
    assert.ok(performance.now() - begin >= 79, 'there and back')
  })

  it('cuts with a FIN', async () => {
    const client = dial()
    client.socket.write('a')
    await until(() => client.text === 'a')
    link.cut()
    await until(() => client.ended)
    assert.equal(client.error, undefined)
  })

  it('resets', async () => {
    const client = dial()
    client.socket.write('a')
    await until(() => client.text === 'a')
    link.reset()
    await until(() => client.error === 'ECONNRESET')
  })

  it('truncates', async () => {
    const client = dial()
    client.socket.write('ab')
    await until(() => client.text === 'ab')
    link.truncateAfter(3)
    client.socket.write('cdefgh')
    await until(() => client.ended)
    assert.equal(client.text, 'abcde')
  })

  it('refuses and accepts again on its port', async () => {
    const { port } = link
    await link.refuse()
    const refused = dial()
    await until(() => refused.error === 'ECONNREFUSED')
    await link.accept()
    assert.equal(link.port, port)
    const client = dial()
    client.socket.write('a')
    await until(() => client.text === 'a')
  })
})
