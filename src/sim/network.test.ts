import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../core/random.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import type { LinkHandlers, PeerLink } from '../replica/seams.ts'
import { parseFault } from './faults.ts'
import { uniformLatency } from './latency.ts'
import { type Station, VirtualNetwork } from './network.ts'
import { Weather } from './weather.ts'

const oneWayMs = 10

function twoStations(faults: string[] = [], seed = 1) {
  const clock = new VirtualClock()
  const weather = new Weather(
    uniformLatency(oneWayMs, 0, 2),
    faults.map((text) => parseFault(text, 2)),
  )
  const network = new VirtualNetwork({ clock, random: seededRandom(seed), weather })
  return { clock, network, a: network.join(0), b: network.join(1) }
}

/** An end of a link that writes down what it is told. */
class Ear implements LinkHandlers {
  readonly frames: number[][] = []
  readonly closed: string[] = []
  drains = 0
  link: PeerLink | undefined
  take = (link: PeerLink): LinkHandlers => {
    this.link = link
    return this
  }
  onFrame(frame: Uint8Array): void {
    this.frames.push([...frame])
  }
  onDrain(): void {
    this.drains++
  }
  onClose(reason: string): void {
    this.closed.push(reason)
  }
}

function link(clock: VirtualClock, from: Station, to: Station) {
  const near = new Ear()
  const far = new Ear()
  const failures: string[] = []
  to.listen(far.take, () => {})
  from.connect(1, near.take, (reason) => failures.push(reason))
  clock.advance(100)
  return { near, far, failures }
}

describe('the virtual network', () => {
  it('carries whole frames in order, one crossing each', () => {
    const { clock, a, b } = twoStations()
    const { near, far } = link(clock, a, b)
    near.link!.send(Uint8Array.of(1))
    near.link!.send(Uint8Array.of(2, 3))
    clock.advance(oneWayMs - 1)
    assert.deepEqual(far.frames, [])
    clock.advance(1)
    assert.deepEqual(far.frames, [[1], [2, 3]])
    assert.equal(far.link!.peer, 0)
  })

  it('refuses a dial where nobody listens', () => {
    const { clock, a } = twoStations()
    const reasons: string[] = []
    a.connect(
      1,
      () => assert.fail('opened'),
      (reason) => reasons.push(reason),
    )
    clock.advance(5000)
    assert.deepEqual(reasons, ['connection refused'])
  })

  it('sends a lost frame again and keeps the order behind it', () => {
    const { clock, a, b } = twoStations(['loss:0.4'], 3)
    const { near, far } = link(clock, a, b)
    for (let n = 0; n < 50; n++) near.link!.send(Uint8Array.of(n))
    clock.advance(oneWayMs)
    assert.ok(far.frames.length < 50, 'some were lost at first')
    clock.advance(9000)
    assert.deepEqual(
      far.frames.map(([n]) => n),
      Array.from({ length: 50 }, (_, n) => n),
    )
  })

  it('brings frames through after a partition heals', () => {
    const { clock, a, b } = twoStations(['partition:0|1@1-3'])
    const { near, far } = link(clock, a, b)
    clock.advance(1000)
    near.link!.send(Uint8Array.of(7))
    clock.advance(1500)
    assert.deepEqual(far.frames, [])
    clock.advance(5000)
    assert.deepEqual(far.frames, [[7]])
    assert.deepEqual(near.closed, [])
  })

  it('closes both ends when nothing gets through for long', () => {
    const { clock, a, b } = twoStations(['partition:0|1@1-30'])
    const { near, far } = link(clock, a, b)
    clock.advance(1000)
    near.link!.send(Uint8Array.of(7))
    clock.advance(15_000)
    assert.deepEqual([near.closed, far.closed, far.frames], [['timed out'], ['timed out'], []])
    assert.equal(near.link!.send(Uint8Array.of(8)), false)
  })

  it('duplicates, corrupts and reorders when told to', () => {
    const doubled = twoStations(['duplicate:1'])
    const one = link(doubled.clock, doubled.a, doubled.b)
    one.near.link!.send(Uint8Array.of(1))
    doubled.clock.advance(1000)
    assert.deepEqual(one.far.frames, [[1], [1]])

    const broken = twoStations(['corrupt:1'])
    const two = link(broken.clock, broken.a, broken.b)
    two.near.link!.send(Uint8Array.of(0, 0, 0, 0))
    broken.clock.advance(1000)
    assert.notDeepEqual(two.far.frames, [[0, 0, 0, 0]])
    assert.equal(two.far.frames[0]?.length, 4)

    const mixed = twoStations(['reorder:0.5'])
    const three = link(mixed.clock, mixed.a, mixed.b)
    for (let n = 0; n < 30; n++) three.near.link!.send(Uint8Array.of(n))
    mixed.clock.advance(1000)
    const order = three.far.frames.map(([n]) => n!)
    assert.notDeepEqual(
      order,
      order.toSorted((x, y) => x - y),
    )
    assert.equal(new Set(order).size, 30)
  })

  it('holds frames while the receiver pauses, refuses when the window is full, and says when it drains', () => {
    const { clock, a, b } = twoStations()
    const { near, far } = link(clock, a, b)
    far.link!.pause()
    const big = new Uint8Array(9 * 1024 * 1024)
    assert.equal(near.link!.send(big), true)
    assert.equal(near.link!.send(big), false)
    clock.advance(1000)
    assert.equal(far.frames.length, 0)
    far.link!.resume()
    clock.advance(1000)
    assert.equal(far.frames.length, 1)
    assert.equal(near.drains, 1)
    assert.equal(near.link!.send(big), true)
  })

  it('tells each end once that a link closed, after the frames sent before', () => {
    const { clock, a, b } = twoStations()
    const { near, far } = link(clock, a, b)
    near.link!.send(Uint8Array.of(1))
    near.link!.close('done')
    near.link!.close('again')
    assert.deepEqual(near.closed, [])
    clock.advance(1000)
    assert.deepEqual([near.closed, far.closed, far.frames], [['done'], ['closed by the peer'], [[1]]])
  })

  it('tells a dead process nothing and resets its peers', () => {
    const { clock, network, a, b } = twoStations()
    const { near, far } = link(clock, a, b)
    near.link!.send(Uint8Array.of(1))
    b.die()
    clock.advance(1000)
    assert.deepEqual([far.frames, far.closed, near.closed], [[], [], ['connection reset']])
    const again = network.join(1)
    const ear = new Ear()
    again.listen(ear.take, () => {})
    const back = new Ear()
    a.connect(1, back.take, () => assert.fail('refused'))
    clock.advance(1000)
    assert.ok(back.link !== undefined && ear.link !== undefined)
  })
})
