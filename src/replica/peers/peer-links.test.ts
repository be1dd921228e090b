import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeChains } from '../../../test/replica/chain.ts'
import type { SignedBlock } from '../../consensus/types.ts'
import { silentLog } from '../../core/log.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { defaultReplicaParameters as parameters } from '../parameters.ts'
import type { LinkHandlers, PeerLink } from '../seams.ts'
import { blockFrame, decodeMessage, method, replyFrame, requestFrame, subscribeFrame } from './messages.ts'
import { PeerClient } from './peer-client.ts'
import { PeerServer } from './peer-server.ts'
import { QuestionShare } from './question-share.ts'

/** A link whose far end is the test. */
class FakeLink implements PeerLink {
  readonly peer = 2
  readonly sent: Uint8Array[] = []
  room = Number.POSITIVE_INFINITY
  paused = false
  closed: string | undefined
  send(frame: Uint8Array): boolean {
    if (this.room === 0 || this.closed !== undefined) return false
    this.room--
    this.sent.push(frame)
    return true
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  close(reason: string): void {
    this.closed = reason
  }
}

function dialling() {
  const clock = new VirtualClock()
  const dialled: number[] = []
  const malformed: number[] = []
  const changes: boolean[] = []
  const unchecked: (() => void)[] = []
  const penalty = { ms: 0 }
  let next: { open: (link: PeerLink) => LinkHandlers; fail: (reason: string) => void } | undefined
  const client = new PeerClient(2, {
    network: {
      listen: () => {},
      close: () => {},
      connect: (_, open, fail) => {
        dialled.push(clock.now())
        next = { open, fail }
      },
    },
    clock,
    random: seededRandom(1),
    log: silentLog,
    parameters,
    streamLimits: { blocks: { burst: 200, perSecond: 100 }, bytes: { burst: 10_000, perSecond: 1_000 } },
    penaltyMs: () => penalty.ms,
    subscribeAfter: () => 17,
    onBlock: (_peer, _bytes, done) => unchecked.push(done),
    onChange: (_, connected) => changes.push(connected),
    onMalformed: (peer) => malformed.push(peer),
  })
  const open = (): { link: FakeLink; handlers: LinkHandlers } => {
    const link = new FakeLink()
    const handlers = next!.open(link)
    clock.advance(0)
    return { link, handlers }
  }
  return { clock, penalty, dialled, malformed, changes, unchecked, client, open, fail: () => next!.fail('refused') }
}

describe('the dialled side of a link', () => {
  it('subscribes after what it has, and tells when it is up and down', () => {
    const { client, open, changes } = dialling()
    client.start()
    const { link, handlers } = open()
    assert.deepEqual(decodeMessage(link.sent[0]!), { type: 'subscribe', after: 17 })
    assert.equal(client.connected, true)
    handlers.onClose('gone')
    assert.deepEqual(changes, [true, false])
    assert.equal(client.connected, false)
  })

  it('dials again with waits that grow to a limit, and from the start after a healthy link', () => {
    const { clock, client, dialled, fail, open } = dialling()
    client.start()
    for (let tries = 0; tries < 60; tries++) {
      const before = dialled.length
      fail()
      while (dialled.length === before) clock.advance(10)
    }
    const waits = dialled.slice(1).map((at, before) => at - dialled[before]!)
    assert.ok(waits[0]! < 200)
    assert.ok(waits.at(-1)! > 4_000 && Math.max(...waits) < 16_000)
    const { handlers } = open()
    clock.advance(10_000)
    handlers.onClose('gone')
    const before = clock.now()
    const count = dialled.length
    while (dialled.length === count) clock.advance(10)
    assert.ok(clock.now() - before < 300)
    client.stop()
    fail()
    clock.advance(60_000)
    assert.equal(dialled.length, count + 1)
  })

  it('gives each question one answer: the right one, none in time, or none because the link is gone', () => {
    const { clock, client, open } = dialling()
    client.start()
    const { link, handlers } = open()
    const answers: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      client.ask(method.latestRounds, Buffer.from(name), 1_000, (body) => {
        answers.push(`${name} ${body === undefined ? 'none' : Buffer.from(body)}`)
      })
    }
    const ids = link.sent.slice(1).map((frame) => (decodeMessage(frame) as { id: number }).id)
    handlers.onFrame(replyFrame(ids[1]!, Buffer.from('B')))
    handlers.onFrame(replyFrame(ids[0]!, undefined))
    assert.deepEqual(answers, ['b B', 'a none'])
    clock.advance(1_001)
    assert.deepEqual(answers.slice(2), ['c none', 'd none'])
    handlers.onFrame(replyFrame(ids[2]!, Buffer.from('too late')))
    assert.equal(answers.length, 4)
    assert.equal(link.closed, undefined)
    client.ask(method.latestRounds, Buffer.alloc(0), 1_000, () => answers.push('e none'))
    handlers.onClose('gone')
    client.ask(method.latestRounds, Buffer.alloc(0), 1_000, () => answers.push('f none'))
    clock.advance(0)
    assert.deepEqual(answers.slice(4), ['e none', 'f none'])
  })

  it('hangs up on an answer to no question, and on a third to one: a network may say a thing twice', () => {
    for (const before of [0, 2]) {
      const { client, open, malformed } = dialling()
      client.start()
      const { link, handlers } = open()
      const answers: string[] = []
      client.ask(method.latestRounds, Buffer.alloc(0), 1_000, (body) => answers.push(`${body?.length}`))
      const { id } = decodeMessage(link.sent[1]!) as { id: number }
      for (let said = 0; said < before; said++) handlers.onFrame(replyFrame(id, Buffer.alloc(0)))
      assert.deepEqual([link.closed, malformed], [undefined, []])
      handlers.onFrame(replyFrame(before > 0 ? id : 999, Buffer.alloc(0)))
      assert.deepEqual(malformed, [2])
      assert.match(link.closed!, /no question/)
      assert.deepEqual(answers, before > 0 ? ['0'] : [])
    }
  })

  it('reads no faster than a peer may send, in blocks and in bytes', () => {
    for (const { bytes, atOnce, restMs } of [
      { bytes: 5, atOnce: 201, restMs: 10 },
      { bytes: 6_000, atOnce: 2, restMs: 2_000 },
    ]) {
      const { clock, client, open, unchecked } = dialling()
      client.start()
      const { link, handlers } = open()
      let sent = 0
      for (; !link.paused && sent < 1_000; sent++) {
        handlers.onFrame(blockFrame(Buffer.alloc(bytes)))
        unchecked.pop()!()
      }
      assert.equal(sent, atOnce)
      clock.advance(restMs - 1)
      assert.equal(link.paused, true)
      clock.advance(2)
      assert.equal(link.paused, false)
      assert.equal(link.closed, undefined)
    }
  })

  it('leaves an offender alone for as long as it is told', () => {
    const { clock, client, open, penalty, dialled } = dialling()
    client.start()
    const { link, handlers } = open()
    client.hangUp('an offence')
    assert.equal(link.closed, 'an offence')
    penalty.ms = 30_000
    handlers.onClose('an offence')
    clock.advance(29_999)
    assert.equal(dialled.length, 1)
    clock.advance(1)
    assert.equal(dialled.length, 2)
  })

  it('rests while too many blocks wait for their check', () => {
    const { client, open, unchecked } = dialling()
    client.start()
    const { link, handlers } = open()
    for (let n = 0; n < 64; n++) handlers.onFrame(blockFrame(Buffer.from('block')))
    assert.equal(link.paused, true)
    for (const done of unchecked.slice(0, 32)) done()
    assert.equal(link.paused, false)
  })

  it('hangs up on what is no message, and on what is not for it', () => {
    for (const frame of [Buffer.from([99]), Buffer.alloc(0), subscribeFrame(1)]) {
      const { client, open, malformed } = dialling()
      client.start()
      const { link, handlers } = open()
      handlers.onFrame(frame)
      assert.deepEqual(malformed, [2])
      assert.match(link.closed!, /malformed/)
    }
  })

  it('asks for blocks once more, but not while those that came last still wait', () => {
    const { clock, client, open, unchecked } = dialling()
    client.start()
    const { link, handlers } = open()
    client.subscribeAgain()
    for (let sent = 0; sent < 64; sent++) handlers.onFrame(blockFrame(Buffer.from('x')))
    assert.equal(link.paused, true)
    client.subscribeAgain()
    const subscriptions = () => link.sent.filter((frame) => decodeMessage(frame).type === 'subscribe').length
    assert.equal(subscriptions(), 2)
    for (const done of unchecked) done()
    clock.advance(60_000)
    client.subscribeAgain()
    assert.equal(subscriptions(), 3)
  })
})

describe('the dialled-to side of a link', () => {
  const ofChain = makeChains(12)[0].records.flatMap((record) =>
    record.type === 'block' && record.own ? [record.block] : [],
  )

  const many = Array.from({ length: 400 }, (_, at) => {
    const [block] = ofChain
    return { ...block!, ref: { ...block!.ref, round: at + 1 }, bytes: Buffer.from(`block ${at + 1}`) }
  })

  function serving(safe = { round: 5 }, own: readonly SignedBlock[] = ofChain) {
    const link = new FakeLink()
    const events: string[] = []
    const clock = new VirtualClock()
    const work = { ms: 0 }
    const server = new PeerServer(link, {
      clock,
      share: new QuestionShare(clock, 1),
      ownBlocksAfter: (round) => own.filter(({ ref }) => ref.round > round && ref.round <= safe.round),
      frameOf: (block: SignedBlock, make) => make(block),
      answer: ({ body }) => {
        clock.advance(work.ms)
        return body.length === 0 ? undefined : Buffer.concat([Buffer.from('re '), body])
      },
      onSubscribed: () => events.push('subscribed'),
      onMalformed: () => events.push('malformed'),
      onClosed: () => events.push('closed'),
    })
    const blocks = (): number[] =>
      link.sent.flatMap((frame) => {
        const message = decodeMessage(frame)
        const sent =
          message.type === 'block' ? own.find(({ bytes }) => Buffer.compare(bytes, message.bytes) === 0) : undefined
        return sent?.ref.round ?? []
      })
    return { link, server, events, blocks, safe, clock, work }
  }

  it('sends nothing before the peer subscribes, then what is safe, then what becomes safe', () => {
    const { server, blocks, safe, events } = serving()
    server.pump()
    assert.deepEqual(blocks(), [])
    server.onFrame(subscribeFrame(2))
    assert.deepEqual(blocks(), [3, 4, 5])
    safe.round = 7
    server.pump()
    server.pump()
    assert.deepEqual(blocks(), [3, 4, 5, 6, 7])
    assert.deepEqual(events, ['subscribed'])
  })

  it('waits for a slow peer and goes on where it stopped', () => {
    const { link, server, blocks } = serving()
    link.room = 2
    server.onFrame(subscribeFrame(0))
    assert.deepEqual(blocks(), [1, 2])
    link.room = 10
    server.onDrain()
    assert.deepEqual(blocks(), [1, 2, 3, 4, 5])
  })

  it('answers one question at a time: an answer that does not fit stops the reading', () => {
    const { link, server } = serving()
    link.room = 0
    server.onFrame(requestFrame(1, method.latestRounds, Buffer.from('x')))
    assert.equal(link.paused, true)
    link.room = 10
    server.onDrain()
    assert.equal(link.paused, false)
    assert.deepEqual(
      link.sent.map((frame) => `${Buffer.from((decodeMessage(frame) as { body: Uint8Array }).body)}`),
      ['re x'],
    )
    server.onFrame(requestFrame(2, method.latestRounds, Buffer.alloc(0)))
    assert.deepEqual(decodeMessage(link.sent[1]!), { type: 'refusal', id: 2 })
  })

  it('lets a peer wait that asks for more than its share, of frames or of the thread', () => {
    for (const { workMs, atOnce, restMs } of [
      { workMs: 0, atOnce: 1_001, restMs: 2 },
      { workMs: 50, atOnce: 6, restMs: 50 },
    ]) {
      const { link, server, clock, work } = serving()
      work.ms = workMs
      let asked = 0
      while (!link.paused && asked < 5_000) server.onFrame(requestFrame(++asked, method.latestRounds, Buffer.alloc(0)))
      assert.ok(Math.abs(asked - atOnce) <= atOnce / 2, `${asked} questions at once`)
      assert.equal(link.sent.length, asked)
      clock.advance(restMs + 60)
      assert.equal(link.paused, false)
    }
  })

  it('stays at rest until the answer is out and the share is paid, whichever comes first', () => {
    const { link, server, clock, work } = serving()
    work.ms = 400
    link.room = 0
    server.onFrame(requestFrame(1, method.latestRounds, Buffer.from('x')))
    clock.advance(10_000)
    assert.equal(link.paused, true)
    link.room = 10
    server.onDrain()
    assert.equal(link.paused, false)
    server.onFrame(requestFrame(2, method.latestRounds, Buffer.from('x')))
    server.onDrain()
    assert.equal(link.paused, true)
    clock.advance(10_000)
    assert.equal(link.paused, false)
  })

  it('brings a peer that lacks hundreds of blocks the lowest and the newest, so that answers come between', () => {
    const { server, blocks, safe } = serving({ round: 399 }, many)
    server.onFrame(subscribeFrame(10))
    assert.deepEqual(blocks(), [...Array.from({ length: 128 }, (_, at) => 11 + at), 399])
    safe.round = 400
    server.pump()
    assert.deepEqual(blocks().slice(-2), [399, 400])
    server.onFrame(subscribeFrame(396))
    assert.deepEqual(blocks().slice(-5), [400, 397, 398, 399, 400])
  })

  it('hangs up on what is no message, and on what is not for it', () => {
    for (const frame of [Buffer.from([99]), blockFrame(Buffer.from('x')), replyFrame(1, undefined)]) {
      const { link, server, events } = serving()
      server.onFrame(frame)
      assert.deepEqual(events, ['malformed'])
      assert.match(link.closed!, /malformed/)
    }
  })
})
