import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { beaconRoute } from './routes.ts'

const root = `0x${'ab'.repeat(32)}`

describe('the route of a Beacon API request', () => {
  const labels: [verb: string, path: string, label: string][] = [
    ['GET', '/eth/v1/node/health', 'GET /eth/v1/node/health'],
    ['GET', `/eth/v2/beacon/blocks/${root}`, 'GET /eth/v2/beacon/blocks/{id}'],
    ['GET', '/eth/v1/beacon/headers/head', 'GET /eth/v1/beacon/headers/{id}'],
    ['GET', '/eth/v1/beacon/genesis', 'GET /eth/v1/beacon/genesis'],
    ['GET', '/eth/v1/beacon/states/genesis/root', 'GET /eth/v1/beacon/states/{id}/root'],
    ['GET', '/eth/v1/beacon/states/head/validators/17', 'GET /eth/v1/beacon/states/{id}/validators/{id}'],
    ['GET', '/lighthouse/peers', 'other'],
    ['GET', '/eth/v1/made/up', 'other'],
    ['GET', '/', 'other'],
    ['BREW', '/eth/v1/node/health', 'other'],
  ]
  for (const [verb, path, label] of labels) {
    it(`names ${verb} ${path.replace(root, '0xab…')} ${label}`, () =>
      assert.equal(beaconRoute(verb, path).label, label))
  }

  it('has one of few names, whatever a client makes up', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'eth',
        'v1',
        'v2',
        'beacon',
        'states',
        'blocks',
        'head',
        'validators',
        'node',
        'pool',
        'genesis',
        '..',
        '',
      ),
      fc.string(),
    )
    const names = new Set<string>()
    const paths = fc.array(word, { maxLength: 9 }).map((words) => `/eth/v1/${words.join('/')}`)
    fc.assert(
      fc.property(paths, (path) => {
        names.add(beaconRoute('GET', path).label)
      }),
      { numRuns: 3000 },
    )
    assert.ok(names.size < 100, `${names.size} names`)
  })

  it('lets reads be repeated, queries by POST and submissions that the network tells apart, and nothing else', () => {
    const repeat = (verb: string, path: string) => beaconRoute(verb, path).repeat
    assert.equal(repeat('GET', '/anything'), 'safe')
    assert.equal(repeat('HEAD', '/anything'), 'safe')
    for (const path of [
      '/eth/v2/beacon/blocks',
      '/eth/v1/beacon/pool/attestations',
      '/eth/v1/beacon/states/head/validators',
      '/eth/v1/validator/duties/attester/5',
    ]) {
      assert.equal(repeat('POST', path), 'safe', path)
    }
    for (const path of ['/eth/v1/unknown', '/lighthouse/database/reconstruct', '/eth/v1/beacon/blocks/x', '/']) {
      assert.equal(repeat('POST', path), 'never', path)
    }
    assert.equal(repeat('DELETE', '/eth/v1/keystores'), 'never')
  })

  it('knows the event stream, which never ends', () => {
    assert.equal(beaconRoute('GET', '/eth/v1/events').endless, true)
    for (const path of ['/eth/v1/events/x', '/x/eth/v1/events', '/eth/v1/node/health']) {
      assert.equal(beaconRoute('GET', path).endless, false)
    }
  })

  it('is the same however its path is spelled', () => {
    const spellings: ((path: string) => string)[] = [
      (path) => `${path}/`,
      (path) => `${path}//`,
      (path) => `/${path}`,
      (path) => path.replace('/v1/', '//v1///'),
      (path) => path.replace('/v', '/%76'),
      (path) => path.replace('eth', './eth'),
      (path) => path.replace('/eth', '/x/../eth'),
    ]
    const requests: [verb: string, path: string][] = [
      ['POST', '/eth/v1/validator/prepare_beacon_proposer'],
      ['POST', '/eth/v1/validator/sync_committee_subscriptions'],
      ['GET', '/eth/v3/validator/blocks/17'],
      ['POST', '/eth/v2/beacon/blocks'],
      ['GET', '/eth/v1/events'],
      ['POST', '/eth/v1/beacon/states/head/validators'],
      ['DELETE', '/eth/v1/keystores'],
    ]
    for (const [verb, path] of requests) {
      const route = beaconRoute(verb, path, 3000)
      for (const spell of spellings) assert.deepEqual(beaconRoute(verb, spell(path), 3000), route, spell(path))
    }
  })

  it('is another where a slash or a percent sign is part of a name', () => {
    for (const path of ['/eth/v1%2Fevents', '/eth/v1/even%2574s', '/eth/v1/events%3F', '/eth/v1/%zz']) {
      assert.equal(beaconRoute('GET', path).endless, false, path)
    }
  })
})
