import assert from 'node:assert/strict'
import { createServer, METHODS, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { exchangeRaw, RawClient, withServer } from './harness.test.ts'
import type { Exchange } from './types.ts'

const answer = (exchange: Exchange): void => {
  exchange.body(100_000, (error, body) => {
    if (error === undefined)
      exchange.respond(200, [], `${exchange.method} ${exchange.target} [${body.toString('hex')}]`)
    else exchange.respond(400, [], error.code)
  })
}

const h = 'Host: x\r\n'
const chunked = 'Transfer-Encoding: chunked\r\n'
const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'

/** Requests that two readers could frame differently, and other abuse: the request and the statuses we may answer. */
const nasty: [string, string, number][] = [
  ['both framings', `POST / HTTP/1.1\r\n${h}Content-Length: 4\r\n${chunked}\r\n0\r\n\r\n${hidden}`, 400],
  ['both framings, the other way round', `POST / HTTP/1.1\r\n${h}${chunked}Content-Length: 4\r\n\r\n0\r\n\r\n`, 400],
  ['two lengths', `POST / HTTP/1.1\r\n${h}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`, 400],
  ['two equal lengths', `POST / HTTP/1.1\r\n${h}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ['a list of lengths', `POST / HTTP/1.1\r\n${h}Content-Length: 4, 4\r\n\r\nabcd`, 400],
  ['a signed length', `POST / HTTP/1.1\r\n${h}Content-Length: +4\r\n\r\nabcd`, 400],
  ['a negative length', `POST / HTTP/1.1\r\n${h}Content-Length: -4\r\n\r\nabcd`, 400],
  ['an empty length', `POST / HTTP/1.1\r\n${h}Content-Length:\r\n\r\nabcd`, 400],
  ['a spaced length', `POST / HTTP/1.1\r\n${h}Content-Length: 1 0\r\n\r\nabcd`, 400],
  ['a hexadecimal length', `POST / HTTP/1.1\r\n${h}Content-Length: 0x4\r\n\r\nabcd`, 400],
  ['a huge length', `POST / HTTP/1.1\r\n${h}Content-Length: 99999999999999999999\r\n\r\nabcd`, 400],
  ['gzip before chunked', `POST / HTTP/1.1\r\n${h}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['chunked twice', `POST / HTTP/1.1\r\n${h}${chunked}${chunked}\r\n0\r\n\r\n`, 501],
  ['chunked before identity', `POST / HTTP/1.1\r\n${h}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 501],
  ['a misspelled coding', `POST / HTTP/1.1\r\n${h}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
  ['a quoted coding', `POST / HTTP/1.1\r\n${h}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, 501],
  ['an empty coding', `POST / HTTP/1.1\r\n${h}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, 501],
  ['a vertical tab before the coding', `POST / HTTP/1.1\r\n${h}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunks in HTTP/1.0', `POST / HTTP/1.0\r\n${h}${chunked}\r\n0\r\n\r\n`, 400],
  ['a space before the colon', `POST / HTTP/1.1\r\n${h}Content-Length : 4\r\n\r\nabcd`, 400],
  ['a space before the coding colon', `POST / HTTP/1.1\r\n${h}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a folded line', `GET / HTTP/1.1\r\n${h}X: a\r\n b\r\n\r\n`, 400],
  ['a folded first line', `GET / HTTP/1.1\r\n ${h}\r\n`, 400],
  ['a bare LF between fields', `GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n`, 400],
  ['bare LFs only', 'GET / HTTP/1.1\nHost: x\n\n', 400],
  ['a bare LF after the request line', `GET / HTTP/1.1\n${h}\r\n`, 400],
  ['a bare CR in a value', `GET / HTTP/1.1\r\n${h}X: a\rb\r\n\r\n`, 400],
  ['a bare CR in a name', `GET / HTTP/1.1\r\n${h}X\rY: b\r\n\r\n`, 400],
  ['a NUL in a value', `GET / HTTP/1.1\r\n${h}X: a\0b\r\n\r\n`, 400],
  ['a NUL in a name', `GET / HTTP/1.1\r\n${h}X\0Y: b\r\n\r\n`, 400],
  ['a control character in a value', `GET / HTTP/1.1\r\n${h}X: a\x7fb\r\n\r\n`, 400],
  ['a name that is no token', `GET / HTTP/1.1\r\n${h}X(Y): b\r\n\r\n`, 400],
  ['an empty name', `GET / HTTP/1.1\r\n${h}: b\r\n\r\n`, 400],
  ['a line without a colon', `GET / HTTP/1.1\r\n${h}Nonsense\r\n\r\n`, 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', `GET / HTTP/1.1\r\n${h}Host: y\r\n\r\n`, 400],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${h}\r\n`, 505],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${h}\r\n`, 505],
  ['HTTP/0.9', `GET / HTTP/0.9\r\n${h}\r\n`, 505],
  ['no version', `GET /\r\n${h}\r\n`, 400],
  ['a lower-case version', `GET / http/1.1\r\n${h}\r\n`, 400],
  ['two spaces', `GET  / HTTP/1.1\r\n${h}\r\n`, 400],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${h}\r\n`, 400],
  ['a trailing space', `GET / HTTP/1.1 \r\n${h}\r\n`, 400],
  ['a leading space', ` GET / HTTP/1.1\r\n${h}\r\n`, 400],
  ['a method that is no token', `GE(T / HTTP/1.1\r\n${h}\r\n`, 400],
  ['a relative target', `GET a HTTP/1.1\r\n${h}\r\n`, 400],
  ['a star target', `GET * HTTP/1.1\r\n${h}\r\n`, 400],
  ['another scheme', `GET ftp://a/b HTTP/1.1\r\n${h}\r\n`, 400],
  ['CONNECT', `CONNECT a:1 HTTP/1.1\r\n${h}\r\n`, 501],
  ['an unknown expectation', `GET / HTTP/1.1\r\n${h}Expect: gold\r\n\r\n`, 417],
  ['TLS on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['two empty lines', `\r\n\r\nGET / HTTP/1.1\r\n${h}\r\n`, 400],
  ['a head that is too large', `GET / HTTP/1.1\r\n${h}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ['a head without an end', `GET / HTTP/1.1\r\n${h}X: ${'a'.repeat(20_000)}`, 431],
  ['a target that is too large', `GET /${'a'.repeat(140_000)}`, 431],
]

/** Chunked bodies that must end in MALFORMED. */
const nastyChunks: [string, string][] = [
  ['a size with a prefix', '0x4\r\nabcd\r\n0\r\n\r\n'],
  ['a signed size', '+4\r\nabcd\r\n0\r\n\r\n'],
  ['a spaced size', '4 \r\nabcd\r\n0\r\n\r\n'],
  ['a size that overflows', '10000000000000004\r\nabcd\r\n0\r\n\r\n'],
  ['a size that overflows 32 bits with zeros', '00000000000004\r\nabcd\r\n0\r\n\r\n'],
  ['an empty size', '\r\nabcd\r\n0\r\n\r\n'],
  ['a bare LF after the size', '4\nabcd\r\n0\r\n\r\n'],
  ['a bare CR after the size', '4\rXabcd\r\n0\r\n\r\n'],
  ['a bare LF after the data', '4\r\nabcd\n0\r\n\r\n'],
  ['more data than the size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '4;a\nb\r\nabcd\r\n0\r\n\r\n'],
  ['endless extensions', `4;${'a'.repeat(17_000)}\r\nabcd\r\n0\r\n\r\n`],
  ['endless trailers', `0\r\n${'X: abcdefgh\r\n'.repeat(2000)}\r\n`],
  ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'],
  ['a trailer without a colon', '0\r\nnonsense\r\n\r\n'],
  ['a bare LF in the end', '0\r\n\n'],
]

/** The reference: how many requests node:http takes out of the bytes, and their bodies. */
class Reference {
  readonly #server: Server
  taken: string[] = []

  constructor() {
    this.#server = createServer((request, response) => {
      let body = ''
      request.setEncoding('hex')
      request.on('data', (text) => {
        body += text
      })
      request.on('end', () => {
        this.taken.push(`${request.method} [${body}]`)
        response.end()
      })
      request.on('error', () => {})
    })
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async ask(text: string): Promise<string[]> {
    this.taken = []
    const client = new RawClient((this.#server.address() as AddressInfo).port)
    client.socket.end(text, 'latin1')
    await client.toEnd()
    return this.taken
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** What we take out of the bytes, in the words of {@link Reference}. */
async function taken(port: number, text: string): Promise<string[]> {
  const client = new RawClient(port)
  client.socket.end(text, 'latin1')
  const answers = await client.toEnd()
  const wholes = answers.matchAll(/HTTP\/1\.1 200 OK\r\n[\s\S]*?\r\n\r\n(\S+) \S+ (\[[^\]]*\])/g)
  return [...wholes].map((match) => `${match[1]} ${match[2]}`)
}

/**
 * We may refuse what node:http takes, but what we take must be the beginning of what it takes. It knows a closed list
 * of methods; what follows another one is not comparable.
 */
function assertPrefix(ours: string[], theirs: string[], text: string): void {
  const unknown = ours.findIndex((taken) => !METHODS.includes(taken.split(' ')[0] ?? ''))
  const comparable = unknown < 0 ? ours : ours.slice(0, unknown)
  assert.deepEqual(comparable, theirs.slice(0, comparable.length), JSON.stringify(text))
}

describe('a nasty request', () => {
  const reference = new Reference()
  before(() => reference.listen())
  after(() => reference.close())

  for (const [name, text, status] of nasty) {
    it(`is refused and its connection closed: ${name}`, async () => {
      await withServer(answer, async (port) => {
        const answered = await exchangeRaw(port, text)
        assert.match(answered, new RegExp(`^HTTP/1\\.1 ${status} `))
        assert.equal(answered.match(/HTTP\/1\.1 \d/g)?.length, 1, 'one answer only')
        const [head = '', body = ''] = answered.split('\r\n\r\n')
        assert.match(head, /\r\nConnection: close/)
        const { error } = JSON.parse(body)
        assert.ok(error.code.length > 0 && error.message.length > 0)
      })
    })
  }

  for (const [name, body] of nastyChunks) {
    it(`is refused and its connection closed: ${name}`, async () => {
      await withServer(answer, async (port) => {
        const answered = await exchangeRaw(port, `POST / HTTP/1.1\r\n${h}${chunked}\r\n${body}${hidden}`)
        assert.match(answered, /^HTTP\/1\.1 400 [\s\S]*Connection: close[\s\S]*MALFORMED$/)
        assert.equal(answered.match(/HTTP\/1\.1 \d/g)?.length, 1, 'one answer only')
      })
    })
  }

  it('is never taken by us and framed differently by node:http', async () => {
    await withServer(answer, async (port) => {
      const chunks = nastyChunks.map(([, body]) => `POST / HTTP/1.1\r\n${h}${chunked}\r\n${body}`)
      for (const text of [...nasty.map(([, text]) => text), ...chunks]) {
        assert.deepEqual(await taken(port, text), [], text)
      }
    })
  })

  /** Pieces that framing hangs on, to be put together in any way. */
  const pieces = fc.constantFrom(
    'Content-Length: 4\r\n',
    'Content-Length: 0\r\n',
    'content-length: 11\r\n',
    'Content-Length : 4\r\n',
    'Transfer-Encoding: chunked\r\n',
    'transfer-encoding:chunked \r\n',
    'Transfer-Encoding: identity\r\n',
    'Transfer-Encoding:\tchunked\r\n',
    'Transfer-Encoding: chunked, chunked\r\n',
    'X: y\r\n',
    'X: y\n',
    ' folded\r\n',
    'X: \x01\r\n',
    'Connection: close\r\n',
  )
  const bodies = fc.constantFrom(
    '',
    'abcd',
    '4\r\nabcd\r\n0\r\n\r\n',
    '0\r\n\r\n',
    '4;x\r\nabcd\r\n0\r\nT: u\r\n\r\n',
    '4\nabcd\n0\n\n',
  )
  const messages = fc.record({
    method: fc.constantFrom('POST', 'GET', 'PUT'),
    version: fc.constantFrom('1.1', '1.1', '1.0'),
    fields: fc.array(pieces, { maxLength: 4 }),
    body: bodies,
  })

  it('is never framed otherwise than node:http frames it, however it is put together', async () => {
    await withServer(answer, async (port) => {
      const property = fc.asyncProperty(messages, async ({ method, version, fields, body }) => {
        const text = `${method} / HTTP/${version}\r\n${h}${fields.join('')}\r\n${body}${hidden}`
        const ours = await taken(port, text)
        const theirs = await reference.ask(text)
        assertPrefix(ours, theirs, text)
      })
      await fc.assert(property, { numRuns: 150 })
    })
  })

  it('in random bytes neither crashes the server nor yields anything but one refusal', async () => {
    const valid = `POST /a HTTP/1.1\r\n${h}${chunked}X: y\r\n\r\n4\r\nabcd\r\n0\r\n\r\n`
    const mutation = fc.tuple(fc.nat(valid.length - 1), fc.nat(255), fc.constantFrom('replace', 'insert', 'delete'))
    await withServer(answer, async (port) => {
      const property = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        let text = valid
        for (const [at, byte, kind] of mutations) {
          const put = kind === 'delete' ? '' : String.fromCharCode(byte)
          text = text.slice(0, at) + put + text.slice(kind === 'insert' ? at : at + 1)
        }
        const ours = await taken(port, text)
        const theirs = await reference.ask(text)
        assertPrefix(ours, theirs, text)
      })
      await fc.assert(property, { numRuns: 150 })
      const client = new RawClient(port).send(hidden)
      await client.until('GET /hidden []')
      client.close()
    })
  })
})

describe('a valid request', () => {
  it('means the same in whatever pieces it arrives', async () => {
    const request = fc.record({
      target: fc.stringMatching(/^\/[a-z0-9/?=&%.]{0,20}$/),
      fields: fc.array(fc.tuple(fc.stringMatching(/^X-[A-Za-z0-9]{1,10}$/), fc.stringMatching(/^[!-~]{0,20}$/)), {
        maxLength: 5,
      }),
      chunks: fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: 4 }),
      inChunks: fc.boolean(),
      cuts: fc.array(fc.nat(400), { maxLength: 6 }),
    })
    const seen: unknown[] = []
    const note = (exchange: Exchange): void => {
      exchange.body(10_000, (error, body) => {
        seen.push([exchange.target, exchange.headers.filter((_, at) => at > 3), body.toString(), error])
        exchange.respond(200, [], '')
      })
    }
    await withServer(note, async (port) => {
      const property = fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (requests) => {
        seen.length = 0
        const texts = requests.map(({ target, fields, chunks, inChunks }) => {
          const body = inChunks
            ? `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`
            : chunks.join('')
          const framing = inChunks ? chunked : `Content-Length: ${body.length}\r\n`
          const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
          return `POST ${target} HTTP/1.1\r\n${h}${framing}${lines}\r\n${body}`
        })
        const text = texts.join('')
        const cuts = [...requests.flatMap((one) => one.cuts), text.length].sort((a, b) => a - b)
        const client = new RawClient(port)
        let from = 0
        for (const cut of cuts) {
          if (cut > from) client.send(text.slice(from, cut))
          from = Math.max(from, cut)
          await new Promise((resolve) => setImmediate(resolve))
        }
        client.socket.end()
        await client.toEnd()
        assert.deepEqual(
          seen,
          requests.map(({ target, fields, chunks }) => [target, fields.flat(), chunks.join(''), undefined]),
        )
      })
      await fc.assert(property, { numRuns: 60 })
    })
  })

  it('is found behind one empty line', async () => {
    await withServer(answer, async (port) => {
      const client = new RawClient(port).send(`${hidden}\r\n${hidden}`)
      await client.until(/hidden[\s\S]*hidden/)
      client.close()
    })
  })
})
