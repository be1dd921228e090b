import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer as createTls, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { call, failsWith, newClient, ok, withUpstream } from './harness.test.ts'

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
