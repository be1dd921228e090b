import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { CarrierError, type HttpClient, type OutgoingRequest, type ResponseReceiver } from '../../http/types.ts'
import { type Carried, carry, type Intake } from './http.ts'

const request: OutgoingRequest = { method: 'GET', target: '/', headers: [], body: undefined, redo: true }

/** A client whose one response the test writes. */
class ScriptedClient implements HttpClient {
  readonly connections = 0
  response!: ResponseReceiver
  readonly done: string[] = []

  send(_: OutgoingRequest, receiver: ResponseReceiver) {
    this.response = receiver
    return {
      pause: () => this.done.push('pause'),
      resume: () => this.done.push('resume'),
      abort: () => this.done.push('abort'),
      retire: () => this.done.push('retire'),
      apart: () => {},
    }
  }

  async close(): Promise<void> {}
  destroy(): void {}
}

function stage(intake: Partial<Intake> = {}) {
  const clock = new VirtualClock()
  const client = new ScriptedClient()
  const seen = { heard: 0, bytes: 0, carried: [] as Carried[], failed: [] as CarrierError[] }
  const running = carry(client, request, { holdBytes: 10, stallMs: 1000, ...intake }, clock, {
    onHeard: () => seen.heard++,
    onProgress: (bytes) => {
      seen.bytes += bytes
    },
    onCarried: (carried) => seen.carried.push(carried),
    onFailed: (error) => seen.failed.push(error),
  })
  return { clock, client, seen, running, response: client.response, done: client.done }
}

function reader() {
  const seen = { text: '', ends: 0, errors: [] as Error[] }
  const receiver = {
    onData: (chunk: Buffer) => {
      seen.text += chunk
    },
    onEnd: () => seen.ends++,
    onError: (error: Error) => seen.errors.push(error),
  }
  return { seen, receiver }
}

const bytes = (text: string) => Buffer.from(text)
const reset = new CarrierError('RESET', 'The connection was reset.', true)

describe('a response that is short enough', () => {
  it('is held and handed over as a whole; its head is the first sign of life', () => {
    const { seen, response, done } = stage()
    response.onHead(200, ['A', '1'])
    assert.equal(seen.heard, 1)
    response.onData(bytes('01234'))
    response.onData(bytes('56789'))
    assert.equal(seen.carried.length, 0)
    response.onEnd()
    const [{ connection, ...carried }] = seen.carried as [Carried]
    assert.deepEqual(carried, { status: 200, headers: ['A', '1'], body: bytes('0123456789'), rest: undefined })
    connection.retire()
    assert.deepEqual(done, ['retire'])
  })

  it('is whole when it comes in pieces of one byte', () => {
    const { seen, response } = stage({ holdBytes: 300_000 })
    const whole = Buffer.alloc(200_000, 'abcdefg')
    response.onHead(200, [])
    for (let at = 0; at < whole.length; at++) response.onData(Buffer.from(whole.subarray(at, at + 1)))
    response.onEnd()
    assert.ok(seen.carried[0]?.body.equals(whole))
  })

  it('may be empty', () => {
    const { seen, response } = stage()
    response.onHead(204, [])
    response.onEnd()
    assert.equal(seen.carried[0]?.body.length, 0)
  })

  it('that breaks off has failed: nobody has seen a part of it', () => {
    const { seen, response } = stage()
    response.onHead(200, [])
    response.onData(bytes('01'))
    response.onError(reset)
    assert.deepEqual([seen.carried, seen.failed], [[], [reset]])
  })

  it('that never begins fails without a sign of life', () => {
    const { seen, response } = stage()
    response.onError(reset)
    assert.deepEqual([seen.heard, seen.failed.length], [0, 1])
  })
})

describe('a longer response', () => {
  const flowing = (intake: Partial<Intake> = {}) => {
    const all = stage(intake)
    all.response.onHead(200, [])
    all.response.onData(bytes('0123456789a'))
    const { rest, body } = all.seen.carried[0]!
    assert.ok(rest !== undefined)
    return { ...all, rest, body }
  }

  it('is handed over with its beginning as soon as it is too long, and the upstream waits', () => {
    const { seen, body, done } = flowing()
    assert.equal(String(body), '0123456789a')
    assert.deepEqual(done, ['pause'])
    assert.equal(seen.carried.length, 1)
  })

  it('is handed over at its head when nothing is to be held', () => {
    const { seen, response } = stage({ holdBytes: 0 })
    response.onHead(200, [])
    assert.equal(seen.carried[0]?.rest !== undefined, true)
  })

  it('gives its reader all that follows, what came before the reader too, in order', () => {
    const { rest, response, done } = flowing()
    response.onData(bytes('early'))
    const { seen, receiver } = reader()
    rest.open(receiver)
    assert.deepEqual(done, ['pause', 'resume'])
    response.onData(bytes('late'))
    response.onEnd()
    assert.deepEqual(seen, { text: 'earlylate', ends: 1, errors: [] })
  })

  it('tells a late reader of its end or its failure', () => {
    for (const error of [undefined, reset]) {
      const { rest, response } = flowing()
      if (error === undefined) response.onEnd()
      else response.onError(error)
      const { seen, receiver } = reader()
      rest.open(receiver)
      assert.deepEqual(seen, {
        text: '',
        ends: error === undefined ? 1 : 0,
        errors: error === undefined ? [] : [error],
      })
    }
  })

  it('flows at the pace of its reader', () => {
    const { rest, done } = flowing()
    const flow = rest.open(reader().receiver)
    flow.pause()
    flow.resume()
    assert.deepEqual(done, ['pause', 'resume', 'pause', 'resume'])
  })

  it('that stops in its middle is a failure after the longest silence, not before', () => {
    const { clock, rest, response, done } = flowing()
    const { seen, receiver } = reader()
    rest.open(receiver)
    clock.advance(900)
    response.onData(bytes('.'.repeat(1000)))
    clock.advance(999)
    assert.deepEqual(seen.errors, [])
    clock.advance(1)
    assert.equal((seen.errors[0] as CarrierError | undefined)?.code, 'TIMEOUT')
    assert.equal(done.at(-1), 'abort')
    assert.equal(clock.nextDue, undefined)
  })

  it('that drips is a failure as well: a byte now and then is no progress', () => {
    const { clock, rest, response, done } = flowing()
    const { seen, receiver } = reader()
    rest.open(receiver)
    for (let n = 0; n < 49; n++) {
      clock.advance(20)
      response.onData(bytes('.'))
    }
    assert.deepEqual(seen.errors, [])
    for (let n = 0; n < 10; n++) {
      clock.advance(20)
      if (seen.errors.length === 0) response.onData(bytes('.'))
    }
    assert.equal((seen.errors[0] as CarrierError | undefined)?.code, 'TIMEOUT')
    assert.equal(done.at(-1), 'abort')
  })

  it('may take as long as it wants at a fair rate', () => {
    const { clock, rest, response } = flowing()
    const { seen, receiver } = reader()
    rest.open(receiver)
    for (let n = 0; n < 100; n++) {
      clock.advance(500)
      response.onData(bytes('.'.repeat(600)))
    }
    assert.deepEqual(seen.errors, [])
  })

  it('is not silent while it is its reader that pauses', () => {
    const { clock, rest } = flowing()
    const { seen, receiver } = reader()
    const flow = rest.open(receiver)
    flow.pause()
    clock.advance(60_000)
    assert.deepEqual(seen.errors, [])
    flow.resume()
    clock.advance(999)
    assert.deepEqual(seen.errors, [])
    clock.advance(1001)
    assert.equal(seen.errors.length, 1)
  })

  it('may be silent for ever when it is an event stream', () => {
    const { clock, rest } = flowing({ stallMs: undefined })
    const { seen, receiver } = reader()
    rest.open(receiver)
    clock.advance(10_000_000)
    assert.deepEqual(seen.errors, [])
  })

  it('leaves no timer, however it ends', () => {
    const endings: ((all: ReturnType<typeof flowing>) => void)[] = [
      ({ response }) => response.onEnd(),
      ({ response }) => response.onError(reset),
      ({ rest }) => rest.abort(),
    ]
    for (const end of endings) {
      const all = flowing()
      all.rest.open(reader().receiver)
      end(all)
      assert.equal(all.clock.nextDue, undefined)
    }
  })

  it('is given up by whoever carried it, too', () => {
    const { running, done } = flowing()
    running.abort()
    assert.equal(done.at(-1), 'abort')
  })
})
