import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer as createTls, type TlsOptions } from 'node:tls'
import { until } from '../fake/until.ts'
import { type Closing, openGate, optionsFor } from './gate.ts'

const folder = mkdtempSync(join(tmpdir(), 'wrong-door-'))
const secrets = certificate('localhost')
rmSync(folder, { recursive: true })

function certificate(name: string): TlsOptions {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const subject = ['-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync('openssl', [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

async function listening(t: Closing, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const tls = (options: TlsOptions) => async (t: Closing) =>
  `https://localhost:${await listening(t, createTls({ ...secrets, ...options }))}`
const http = (answer: RequestListener) => async (t: Closing) =>
  `http://127.0.0.1:${await listening(t, createHttp(answer))}`

const doors: [what: string, open: (t: Closing) => Promise<string>, words: RegExp][] = [
  ['has a self-signed certificate', tls({}), /TLS handshake failed: its certificate is self-signed/],
  [
    'speaks an old version of TLS only',
    tls({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    /TLS handshake failed: it speaks no version of TLS that is in use/,
  ],
  [
    'does not speak TLS',
    async (t) =>
      `https://localhost:${await listening(
        t,
        createTcp((socket) => socket.end('HTTP/1.1 400 No\r\n\r\n')),
      )}`,
    /TLS handshake failed: it does not speak TLS/,
  ],
  [
    'closes during the handshake',
    async (t) =>
      `https://localhost:${await listening(
        t,
        createTcp((socket) => socket.on('data', () => socket.destroy())),
      )}`,
    /TLS handshake failed: the other side closed the connection/,
  ],
  [
    'has no name that is known',
    async () => 'http://nowhere.invalid:8545',
    /cannot connect: (there is no host|the name)/,
  ],
  [
    'shows a page to log in',
    http((_, response) => response.end('<html><title>Acme</title><h1>Please log in</h1></html>')),
    /HTTP 200, it says "Acme Please log in"/,
  ],
  [
    'points elsewhere',
    http((_, response) => response.writeHead(302, { location: 'https://login.example/?k=s3cret' }).end()),
    /HTTP 302, it points to https:\/\/login\.example\/\?k=\*\*\*/,
  ],
]

describe('an upstream that', { concurrency: 4 }, () => {
  for (const [what, open, words] of doors) {
    it(`${what} says so in /status, /ready and the log`, async (t) => {
      const gate = await openGate(t, optionsFor([await open(t)]))
      await until(() => gate.upstream('a').lastError !== null)
      await until(() => gate.lines.some(({ level }) => level === 'warn'))
      assert.match(gate.upstream('a').lastError ?? '', words)
      assert.match(gate.upstream('a').reason ?? '', words)
      assert.match((await gate.send('/ready')).text.replaceAll('\\"', '"'), words)
      assert.ok(
        gate.lines.some(({ fields }) => words.test(String(fields['reason']))),
        JSON.stringify(gate.lines),
      )
    })
  }
})
