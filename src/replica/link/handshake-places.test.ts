import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { seededRandom } from '../../core/random.ts'
import { HandshakePlaces } from './handshake-places.ts'

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string
  destroyed = false
  constructor(remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
  }
  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }
}

function setUp(places: number, members: readonly string[] = []) {
  const turnedAway: unknown[] = []
  const pool = new HandshakePlaces({
    places,
    isMember: (network) => members.includes(network),
    random: seededRandom(5),
    turnedAway: (socket) => turnedAway.push(socket),
  })
  const come = (address: string): FakeSocket => {
    const socket = new FakeSocket(address)
    pool.give(socket as unknown as Socket)
    return socket
  }
  const leave = (socket: FakeSocket): void => pool.takeAway(socket as unknown as Socket)
  return { come, leave, turnedAway }
}

describe('places for handshakes', () => {
  it('turn away one of the most crowded network, and nobody from elsewhere', () => {
    const { come, turnedAway } = setUp(10)
    const quiet = ['10.0.0.1', '10.0.0.2', '2001:db8:0:1::5'].map(come)
    const crowd = Array.from({ length: 500 }, () => come('10.9.9.9'))
    assert.ok(quiet.every(({ destroyed }) => !destroyed))
    assert.equal(crowd.filter(({ destroyed }) => !destroyed).length, 7)
    assert.equal(turnedAway.length, 493)
  })

  it('let chance decide within a crowd, so that nobody is turned away for sure', () => {
    let survived = 0
    for (let run = 0; run < 50; run++) {
      const { come } = setUp(20)
      for (let n = 0; n < 20 + run; n++) come('10.9.9.9')
      const one = come('10.9.9.9')
      for (let n = 0; n < 10; n++) come('10.9.9.9')
      if (!one.destroyed) survived++
    }
    assert.ok(survived > 10 && survived < 50, `${survived} of 50`)
  })

  it('are apart for networks of members, however many addresses strangers have', () => {
    const { come } = setUp(10, ['10.0.0.1'])
    const members = Array.from({ length: 5 }, () => come('10.0.0.1'))
    for (let n = 0; n < 1_000; n++) come(`172.16.${n % 250}.${n % 200}`)
    assert.ok(members.every(({ destroyed }) => !destroyed))
  })

  it('are free again when the socket closes or needs its place no more', () => {
    const { come, leave, turnedAway } = setUp(3)
    for (let n = 0; n < 100; n++) {
      const socket = come('10.0.0.1')
      if (n % 2 === 0) socket.destroy()
      else leave(socket)
    }
    assert.deepEqual(turnedAway, [])
  })
})
