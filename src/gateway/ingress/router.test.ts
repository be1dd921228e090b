import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Door, pathOf, route } from './router.ts'

const door = (): Door => () => {}
const [root, el, cl, deep, otherwise] = [door(), door(), door(), door(), door()] as const
const routes = {
  exact: new Map([
    ['/', root],
    ['/el', el],
  ]),
  prefixes: new Map([
    ['/cl/', cl],
    ['/cl/deep/', deep],
  ]),
  otherwise,
}

describe('a route', () => {
  const cases: [path: string, found: Door, why: string][] = [
    ['/', root, 'the root'],
    ['/el', el, 'a whole path'],
    ['/el/', el, 'a whole path with a slash behind it'],
    ['/el//', otherwise, 'two slashes are another path'],
    ['/el/x', otherwise, 'a whole path is no prefix'],
    ['/elx', otherwise, 'nor is a part of a word'],
    ['/EL', otherwise, 'letters count as they are'],
    ['/cl/', cl, 'a prefix'],
    ['/cl/eth/v1', cl, 'what is below a prefix'],
    ['/cl/deep/x', deep, 'the longest prefix'],
    ['/cl', otherwise, 'a prefix needs its slash'],
    ['', otherwise, 'nothing'],
    ['*', otherwise, 'the target of OPTIONS *'],
    ['/%65l', otherwise, 'an encoded path is not decoded'],
    ['/cl/../el', cl, 'dots are not resolved'],
  ]
  for (const [path, found, why] of cases) it(`takes ${why}`, () => assert.equal(route(routes, path), found))
})

describe('the path of a target', () => {
  it('ends at the query', () => {
    assert.deepEqual(['/el?x=/cl/', '/el', '?', '/a%3Fb?c?d'].map(pathOf), ['/el', '/el', '', '/a%3Fb'])
  })
})
