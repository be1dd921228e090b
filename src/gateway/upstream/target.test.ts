import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { targetBelow } from './target.ts'

describe('a target below a configured address', () => {
  const cases: [base: string, target: string, joined: string][] = [
    ['/', '/eth/v1/node/health', '/eth/v1/node/health'],
    ['/', '', '/'],
    ['/key', '', '/key'],
    ['/key/', '/eth/v1/events?topics=head', '/key/eth/v1/events?topics=head'],
    ['/?apikey=k', '/eth/v1/node/health', '/eth/v1/node/health?apikey=k'],
    ['/v1/?apikey=k', '/eth/v1/events?topics=head&topics=block', '/v1/eth/v1/events?apikey=k&topics=head&topics=block'],
    ['/v1?apikey=k', '', '/v1?apikey=k'],
    ['/', '/a%2Fb?x=%3F?', '/a%2Fb?x=%3F?'],
    ['/', '/eth?', '/eth?'],
  ]
  for (const [base, target, joined] of cases) {
    it(`${base} with ${target || 'nothing'} is ${joined}`, () => assert.equal(targetBelow(base, target), joined))
  }
})
