import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvariantError } from '../core/errors.ts'
import { close, echo, exchangeRaw, get, post, RawClient, upload, waitUntil, withServer } from './harness.test.ts'
import type { Exchange } from './types.ts'

describe('an HTTP server', () => {
  it('answers with length, date and body, and keeps the connection', async () => {
    await withServer(echo, async (port) => {
      const client = new RawClient(port).send(post('one'))
      const first = await client.until('one')
      assert.match(
        first,
        /^HTTP\/1\.1 200 OK\r\nX-Target: \/\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\nContent-Length: 3\r\n\r\none$/,
      )
      await client.send(post('two')).until('two')
      client.close()
    })
  })

  it('answers pipelined requests in order, however late each answer is', async () => {
    const late = (exchange: Exchange): void => {
      const wait = exchange.target === '/0' ? 30 : 1
      exchange.body(100, (_, body) => setTimeout(() => exchange.respond(200, [], `[${exchange.target}:${body}]`), wait))
    }
    await withServer(late, async (port) => {
      const all = [0, 1, 2, 3].map((n) => post(`b${n}`).replace('POST /', `POST /${n}`)).join('')
      const text = await new RawClient(port).send(all + get.replace('Host', `${close}Host`)).toEnd()
      assert.deepEqual(text.match(/\[[^\]]*\]/g), ['[/0:b0]', '[/1:b1]', '[/2:b2]', '[/3:b3]', '[/:]'])
    })
  })

  it('begins a pipelined request only after the answer before it', async () => {
    let running = 0
    let most = 0
    const slow = (exchange: Exchange): void => {
      most = Math.max(most, ++running)
      setTimeout(() => {
        running--
        exchange.respond(200, [], 'x')
      }, 2)
    }
    await withServer(slow, async (port) => {
      const text = await exchangeRaw(port, get.repeat(9) + get.replace('Host', `${close}Host`))
      assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 10)
      assert.equal(most, 1)
    })
  })

  it('does not start requests of a client that pipelines without reading', async () => {
    let seen = 0
    const big = Buffer.alloc(500_000, 'x')
    const count = (exchange: Exchange): void => {
      seen++
      exchange.respond(200, [], big)
    }
    await withServer(count, async (port) => {
      const client = new RawClient(port)
      client.socket.pause()
      client.send(get.repeat(1000))
      await waitUntil(() => seen > 0, 'the first request came')
      for (let before = -1; before !== seen; ) {
        before = seen
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      assert.ok(seen < 100, `${seen} answers were piled up`)
      client.close()
    })
  })

  it('reads chunked bodies and drops extensions and trailers', async () => {
    await withServer(echo, async (port) => {
      const text = await exchangeRaw(
        port,
        `${upload}${close}\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n`,
      )
      assert.match(text, /\r\n\r\nabc0123456789$/)
    })
  })

  it('honours Connection: close and HTTP/1.0', async () => {
    await withServer(echo, async (port) => {
      assert.match(await exchangeRaw(port, post('a', close)), /Connection: close\r\n/)
      assert.match(await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200[\s\S]*Connection: close\r\n/)
      const kept = new RawClient(port).send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      await kept.until(/Connection: keep-alive\r\nContent-Length: 0\r\n\r\n$/)
      await kept.send('GET / HTTP/1.0\r\n\r\n').toEnd()
    })
  })

  it('strips an absolute target to its path', async () => {
    await withServer(echo, async (port) => {
      const ask = (target: string): Promise<string> =>
        exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: x\r\n${close}\r\n`)
      assert.match(await ask('http://a.example:80/b?c=d'), /X-Target: \/b\?c=d\r\n/)
      assert.match(await ask('http://a.example'), /X-Target: \/\r\n/)
      assert.match(await ask('http://a.example?c'), /X-Target: \/\?c\r\n/)
    })
  })

  it('never sends a body for HEAD, 204 and 304', async () => {
    const answers: Record<string, (exchange: Exchange) => void> = {
      '/whole': (exchange) => exchange.respond(200, [], 'body'),
      '/stream': (exchange) => {
        exchange.start(200, [])
        exchange.write(Buffer.from('body'))
        exchange.end()
      },
      '/204': (exchange) => exchange.respond(204, [], 'body'),
      '/304': (exchange) => {
        exchange.start(304, ['Content-Length', '4'])
        exchange.write(Buffer.from('body'))
        exchange.end()
      },
    }
    await withServer(
      (exchange) => answers[exchange.target]!(exchange),
      async (port) => {
        const ask = (method: string, path: string): Promise<string> =>
          exchangeRaw(port, `${method} ${path} HTTP/1.1\r\nHost: x\r\n${close}\r\n`)
        assert.match(await ask('HEAD', '/whole'), /Content-Length: 4\r\n\r\n$/)
        assert.match(await ask('HEAD', '/stream'), /\r\n\r\n$/)
        assert.match(
          await ask('GET', '/204'),
          /^HTTP\/1\.1 204 No Content\r\n(?![\s\S]*Content-Length)[\s\S]*\r\n\r\n$/,
        )
        assert.match(await ask('GET', '/304'), /^HTTP\/1\.1 304 Not Modified\r\n[\s\S]*\r\n\r\n$/)
        assert.match(await ask('GET', '/whole'), /\r\n\r\nbody$/)
      },
    )
  })

  it('streams an answer in chunks, with a length, or to the end of the connection', async () => {
    const stream = (exchange: Exchange): void => {
      exchange.start(200, exchange.target === '/length' ? ['Content-Length', '6'] : [])
      exchange.write(Buffer.from('abc'))
      exchange.write(Buffer.alloc(0))
      exchange.write(Buffer.from('def'))
      exchange.end()
    }
    await withServer(stream, async (port) => {
      const ask = (path: string, version: string): Promise<string> =>
        exchangeRaw(port, `GET ${path} HTTP/${version}\r\nHost: x\r\n${close}\r\n`)
      assert.match(await ask('/', '1.1'), /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n$/)
      assert.match(await ask('/length', '1.1'), /Content-Length: 6\r\n\r\nabcdef$/)
      assert.match(await ask('/', '1.0'), /^(?![\s\S]*Transfer-Encoding)[\s\S]*\r\n\r\nabcdef$/)
    })
  })

  it('cuts the connection when an answer ends short of its length', async () => {
    const short = (exchange: Exchange): void => {
      exchange.start(200, ['Content-Length', '6'])
      exchange.write(Buffer.from('abc'))
      exchange.end()
    }
    await withServer(short, async (port) => {
      const client = new RawClient(port).send(get)
      await waitUntil(() => client.closed || client.ended, 'the connection was cut')
      assert.ok(!client.received.includes('abcdef'))
      client.close()
    })
  })

  it('lets the handler replace Date, and writes the framing headers itself', async () => {
    const answer = (exchange: Exchange): void =>
      exchange.respond(200, ['Date', 'mine', 'Content-Length', '99', 'Connection', 'x', 'Transfer-Encoding', 'y'], 'ok')
    await withServer(answer, async (port) => {
      assert.equal(
        await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: x\r\n${close}\r\n`),
        'HTTP/1.1 200 OK\r\nDate: mine\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      )
    })
  })

  it('refuses to answer twice, or with a header that breaks its line', async () => {
    const thrown: unknown[] = []
    const attempt = (run: () => void): void => {
      try {
        run()
      } catch (error) {
        thrown.push(error)
      }
    }
    const twice = (exchange: Exchange): void => {
      attempt(() => exchange.write(Buffer.from('early')))
      attempt(() => exchange.end())
      exchange.respond(200, [], 'first')
      attempt(() => exchange.respond(200, [], 'second'))
      attempt(() => exchange.start(200, []))
      attempt(() => exchange.end())
    }
    await withServer(twice, async (port) => {
      const client = new RawClient(port).send(get)
      await client.until('first')
      await client.send(get).until(/first[\s\S]*first/)
      assert.equal(thrown.length, 10)
      assert.ok(thrown.every((error) => error instanceof InvariantError))
      client.close()
    })
    for (const value of ['a\r\nX-Evil: 1', 'a\nb', 'a\0b', 'Ċ']) {
      await withServer(
        (exchange) => {
          attempt(() => exchange.respond(200, ['X-A', value], ''))
          exchange.destroy()
        },
        async (port) => {
          assert.equal(await exchangeRaw(port, get), '')
          assert.equal((thrown.at(-1) as { code: string }).code, 'BAD_HEADER')
          thrown.push(undefined)
        },
      )
    }
  })

  it('asks for the body of a client that expects 100 only when the body is wanted', async () => {
    await withServer(echo, async (port) => {
      const client = new RawClient(port).send(post('x', 'Expect: 100-continue\r\n').slice(0, -1))
      await client.until('HTTP/1.1 100 Continue\r\n\r\n')
      await client.send('x').until(/200 OK[\s\S]*\r\n\r\nx$/)
      client.close()
    })
    await withServer(echo, async (port) => {
      const head = post('x'.repeat(2000), 'Expect: 100-continue\r\n').slice(0, -2000)
      assert.match(await exchangeRaw(port, head), /^HTTP\/1\.1 413 /, 'a body too large is not asked for')
    })
    const refuse = (exchange: Exchange): void => exchange.respond(413, [], 'no')
    await withServer(refuse, async (port) => {
      const text = await exchangeRaw(port, post('x', 'Expect: 100-continue\r\n').slice(0, -1))
      assert.match(text, /^HTTP\/1\.1 413 [\s\S]*Connection: close\r\n/)
    })
  })

  it('answers too large a body and closes, so that the client sees the answer', async () => {
    await withServer(echo, async (port) => {
      for (const head of [post('x'.repeat(200_000)), `${upload}\r\n30000\r\n${'y'.repeat(0x30000)}\r\n0\r\n\r\n`]) {
        assert.match(await exchangeRaw(port, head), /^HTTP\/1\.1 413 [\s\S]*TOO_LARGE$/)
      }
      assert.match(await exchangeRaw(port, `${upload}${close}\r\n3e8\r\n${'y'.repeat(1000)}\r\n0\r\n\r\n`), /200 OK/)
    })
  })

  it('reads past a short body that nobody wanted, and closes on a long one', async () => {
    const ignore = (exchange: Exchange): void => exchange.respond(200, [], exchange.target)
    await withServer(ignore, async (port) => {
      const client = new RawClient(port).send(post('x'.repeat(60_000)) + get.replace('/', '/second'))
      await client.until('/second')
      client.close()
      assert.match(await exchangeRaw(port, post('x'.repeat(70_000))), /Connection: close/)
    })
  })

  it('hands a body over as it comes, and slows the client down', async () => {
    let size = 0
    let done = ''
    let resume = (): void => {}
    const slow = (exchange: Exchange): void => {
      const flow = exchange.stream({
        onData: (chunk) => {
          size += chunk.length
          flow.pause()
        },
        onEnd: () => {
          done = 'end'
          exchange.respond(200, [], done)
        },
        onError: (error) => {
          done = error.code
        },
      })
      resume = () => flow.resume()
    }
    await withServer(slow, async (port) => {
      const client = new RawClient(port).send(post('x'.repeat(20_000_000)))
      await waitUntil(() => size > 0, 'the first piece came')
      for (let before = -1; before !== client.socket.writableLength; ) {
        before = client.socket.writableLength
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      assert.ok(size <= 65_536, `${size} bytes came through a paused flow`)
      assert.ok(client.socket.writableLength > 1_000_000, 'the client is held back')
      while (done === '') {
        resume()
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.equal(size, 20_000_000)
      await client.until('end')
      client.close()
    })
  })

  it('tells the writer of a long answer when to wait and when to go on', async () => {
    const chunk = Buffer.alloc(100_000, 'z')
    let written = 0
    let waits = 0
    const stream = (exchange: Exchange): void => {
      const fill = (): void => {
        while (written < 200) {
          written++
          if (exchange.write(chunk)) continue
          waits++
          return
        }
        exchange.end()
      }
      exchange.onDrain = fill
      exchange.start(200, [])
      fill()
    }
    await withServer(stream, async (port) => {
      const client = new RawClient(port)
      client.socket.pause()
      client.send(get.replace('Host', `${close}Host`))
      await waitUntil(() => waits > 0, 'the writer was told to wait')
      assert.ok(written < 200)
      client.socket.resume()
      assert.equal((await client.toEnd()).match(/z/g)?.length, 20_000_000)
    })
  })

  it('sends a large whole answer to a slow reader', async () => {
    const body = Buffer.alloc(5_000_000, 'z')
    await withServer(
      (exchange) => exchange.respond(200, [], body),
      async (port) => {
        const client = new RawClient(port)
        client.socket.pause()
        client.send(get + get.replace('Host', `${close}Host`))
        setTimeout(() => client.socket.resume(), 50)
        assert.equal((await client.toEnd()).match(/z/g)?.length, 10_000_000)
      },
    )
  })

  it('answers a client that has closed its sending side', async () => {
    const late = (exchange: Exchange): void => void setTimeout(() => exchange.respond(200, [], 'late'), 30)
    await withServer(late, async (port) => {
      const client = new RawClient(port)
      client.socket.end(get)
      assert.match(await client.toEnd(), /Connection: close[\s\S]*late$/)
    })
  })

  it('answers all that a client has pipelined before it closed its sending side', async () => {
    const late = (exchange: Exchange): void =>
      void setTimeout(() => exchange.respond(200, [], `${exchange.target}!`), 5)
    await withServer(late, async (port) => {
      const client = new RawClient(port)
      client.socket.end(get.replace('/', '/1') + get.replace('/', '/2') + get.replace('/', '/3'))
      assert.deepEqual((await client.toEnd()).match(/\/\d!/g), ['/1!', '/2!', '/3!'])
    })
  })

  it('reports once that the client went before its answer was complete, and then ignores the answer', async () => {
    for (const streaming of [false, true]) {
      let closes = 0
      let exchange: Exchange | undefined
      const keep = (given: Exchange): void => {
        exchange = given
        given.onClose = () => closes++
        if (streaming) given.start(200, [])
      }
      await withServer(keep, async (port, server) => {
        const client = new RawClient(port).send(get)
        await waitUntil(() => exchange !== undefined, 'the request came')
        client.socket.resetAndDestroy()
        await waitUntil(() => closes > 0, 'onClose was called')
        if (streaming) {
          assert.equal(exchange?.write(Buffer.from('x')), true)
          exchange?.end()
        } else exchange?.respond(200, [], 'nobody reads this')
        assert.equal(closes, 1)
        assert.equal(server.connections, 0)
      })
    }
  })

  it('fails the body when the client closes in the middle of it', async () => {
    for (const head of [post('12345').slice(0, -2), `${upload}\r\n5\r\nab`]) {
      let failure = ''
      const wait = (exchange: Exchange): void =>
        exchange.body(100, (error) => {
          failure = error?.code ?? 'none'
          exchange.respond(400, [], failure)
        })
      await withServer(wait, async (port) => {
        const client = new RawClient(port)
        client.socket.end(head)
        assert.match(await client.toEnd(), /CLOSED_EARLY$/)
        assert.equal(failure, 'CLOSED_EARLY')
      })
    }
  })

  it('fails the body when its chunks are malformed', async () => {
    await withServer(echo, async (port) => {
      for (const body of [
        'x\r\n',
        '5 \r\nabcde\r\n',
        '3\r\nabcd\r\n',
        '3\nabc\r\n',
        '0x3\r\nabc\r\n',
        '-1\r\n',
        '3;\n\r\n',
      ]) {
        assert.match(
          await exchangeRaw(port, `${upload}\r\n${body}0\r\n\r\n`),
          /^HTTP\/1\.1 400 [\s\S]*MALFORMED$/,
          body,
        )
      }
    })
  })

  it('hands the raw connection over for an upgrade, with the bytes behind the head', async () => {
    const upgrade = (exchange: Exchange): void => {
      const { socket, head } = exchange.takeOver()
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n\r\n<${head}>`)
      socket.on('data', (bytes) => socket.write(`(${bytes})`))
      socket.on('end', () => socket.end('bye'))
    }
    await withServer(upgrade, async (port, server) => {
      const client = new RawClient(port)
      client.send('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly')
      await client.until('<early>')
      await client.send('later').until('(later)')
      client.socket.end()
      assert.match(await client.toEnd(), /bye$/)
      await waitUntil(() => server.connections === 0, 'the connection was given back')
    })
  })
})
