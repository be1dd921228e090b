import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, rpcCall } from '../../../test/fake/gate.ts'
import { type ErrorClass, effects } from '../../rpc/error-classes.ts'
import { ownAnswer } from '../upstream/pool.ts'
import { better, mayGoElsewhere, sameError, turnedAway } from './judgement.ts'

const classes = Object.keys(effects) as ErrorClass[]

describe('the better of two outcomes', () => {
  it('is a good answer before any other, and any word of an upstream before a refusal of ours', () => {
    const refusal = ownAnswer({ reason: 'upstreamFailed' })
    for (const errorClass of classes) {
      const [good, bad] = [goodAnswer('a'), badAnswer('b', errorClass)]
      assert.equal(better(bad, good), good)
      assert.equal(better(good, bad), good)
      assert.equal(better(refusal, bad), bad)
    }
  })

  it('is a verdict on the call before a state of the upstream', () => {
    for (const verdict of ['REVERT', 'TXREJ', 'CLIENT', 'MISS'] as const) {
      for (const state of ['RATE', 'AUTH', 'BILL', 'SYNC', 'NODE', 'UNSUP'] as const) {
        const [one, other] = [badAnswer('a', verdict), badAnswer('b', state)]
        assert.equal(better(other, one), one, `${verdict} before ${state}`)
      }
    }
  })

  it('is the first when both are worth the same', () => {
    const [one, other] = [badAnswer('a', 'NODE'), badAnswer('b', 'NODE')]
    assert.equal(better(one, other), one)
  })
})

describe('mayGoElsewhere', () => {
  it('is never true of a good answer, and never of a final verdict', () => {
    assert.equal(mayGoElsewhere(rpcCall(), goodAnswer('a')), false)
    for (const errorClass of classes.filter((one) => effects[one].retry === 'no')) {
      assert.equal(mayGoElsewhere(rpcCall(), badAnswer('a', errorClass)), false, errorClass)
    }
  })

  it('sends a write elsewhere only when it cannot have been carried out', () => {
    const write = rpcCall('eth_sendTransaction')
    for (const errorClass of classes) {
      const outcome = badAnswer('a', errorClass)
      assert.equal(mayGoElsewhere(write, outcome), turnedAway(outcome), errorClass)
    }
  })
})

describe('turnedAway', () => {
  it('is true where the upstream did not even begin', () => {
    const away = classes.filter((errorClass) => turnedAway(badAnswer('a', errorClass)))
    assert.deepEqual(away.sort(), ['AUTH', 'BILL', 'RATE', 'SYNC', 'UNSUP'])
    assert.equal(turnedAway(goodAnswer('a')), false)
  })
})

describe('sameError', () => {
  it('compares the words of two errors, and nothing else', () => {
    assert.equal(sameError(badAnswer('a', 'NODE'), badAnswer('b', 'NODE')), true)
    assert.equal(sameError(badAnswer('a', 'NODE'), badAnswer('b', 'MISS')), false)
    assert.equal(sameError(goodAnswer('a'), goodAnswer('a')), false)
  })
})
