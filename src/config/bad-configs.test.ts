import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseText } from './formats.ts'
import { validateConfig } from './load.ts'
import { ConfigError } from './problems.ts'

/** The lines of the error that a config earns. */
async function problemsIn(toml: string, environment: Record<string, string> = {}): Promise<string[]> {
  const raw = await parseText(toml, 'TOML', 'test.toml')
  try {
    validateConfig(raw, 'test.toml', environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [first, ...lines] = error.message.split('\n')
    assert.match(first ?? '', /^test\.toml has (a problem|\d+ problems):$/)
    return lines.map((line) => line.trim())
  }
  return []
}

/** A config of one network `el`, sound but for what is put in. */
function network(upstream = 'url = "http://h:1"', rest = '', kind = 'evm'): string {
  return `[networks.el]\nkind = "${kind}"\n[[networks.el.upstreams]]\n${upstream}\n${rest}`
}
const top = (line: string): string => `${line}\n${network()}`
const second = (upstream: string): string =>
  network('url = "http://h:1"\nname = "a"', `[[networks.el.upstreams]]\n${upstream}`)
const upstream0 = 'networks.el.upstreams[0]'

const oneProblem: [what: string, toml: string, line: string][] = [
  ['an unknown key at the top', top('lisen = "x:1"'), 'lisen: unknown key: did you mean "listen"?'],
  [
    'an unknown key that is near to none',
    top('zzzzzz = 1'),
    'zzzzzz: unknown key: known here: listen, drainMs, drain, networks, limits, directives, cors.',
  ],
  [
    'an unknown key in a network',
    network(undefined, '[networks.el.probes]'),
    'networks.el.probes: unknown key: did you mean "probe"?',
  ],
  [
    'an unknown key in an upstream',
    network('url = "http://h:1"\nulr = "x"'),
    `${upstream0}.ulr: unknown key: did you mean "url"?`,
  ],
  [
    'an unknown key deep down',
    network(undefined, '[networks.el.failsafe.breaker]\nopenMS = 1'),
    'networks.el.failsafe.breaker.openMS: unknown key: did you mean "openMs"?',
  ],
  ['a section of a later version', top('cache = { dir = "x" }'), 'cache: not available in this version. Remove it.'],
  [
    'a secret in a section of a later version',
    top('admin = { token = "s3cr3t" }'),
    'admin: not available in this version. Remove it.',
  ],
  [
    'a kind of a later version',
    network(undefined, '', 'aztec'),
    'networks.el.kind: not available in this version. Write another kind, or remove this network.',
  ],
  [
    'an unknown kind',
    network(undefined, '', 'cosmos'),
    'networks.el.kind: "cosmos" does not fit: write "evm" or "beacon".',
  ],
  [
    'no kind',
    '[networks.el]\nupstreams = [{ url = "http://h:1" }]',
    'networks.el.kind: missing: write "evm" or "beacon".',
  ],
  ['no URL', network('name = "a"'), `${upstream0}.url: missing: write an http or https URL.`],
  [
    'a bad URL',
    network('url = "http//h"'),
    `${upstream0}.url: "http//h" does not fit: write an http or https URL, for example "http://10.0.0.1:8545".`,
  ],
  [
    'a URL without a scheme',
    network('url = "h:8545"'),
    `${upstream0}.url: "h:8545" does not fit: write an http or https URL, for example "http://10.0.0.1:8545".`,
  ],
  [
    'a URL with a bad port',
    network('url = "http://h:99999"'),
    `${upstream0}.url: "http://h:99999" does not fit: write a port from 1 to 65535.`,
  ],
  [
    'a URL with port 0',
    network('url = "http://h:0/"'),
    `${upstream0}.url: "http://h:0/" does not fit: write a port from 1 to 65535.`,
  ],
  [
    'a URL of another scheme',
    network('url = "ftp://h"'),
    `${upstream0}.url: "ftp://h" does not fit: write an http or https URL, for example "http://10.0.0.1:8545".`,
  ],
  [
    'a URL with a fragment',
    network('url = "http://h/#x"'),
    `${upstream0}.url: "http://h/#***" does not fit: remove the part behind "#": it is never sent.`,
  ],
  [
    'a URL with white space',
    network('url = " http://h"'),
    `${upstream0}.url: " http://h" does not fit: it contains white space: write an http or https URL, for example "http://10.0.0.1:8545".`,
  ],
  [
    'a WebSocket URL under url',
    network('url = "wss://u:pw@h"'),
    `${upstream0}.url: "wss://***@h" does not fit: a ws or wss URL belongs under "ws": write an http or https URL, for example "http://10.0.0.1:8545".`,
  ],
  [
    'an http URL under ws',
    network('url = "http://h:1"\nws = "https://h?k=s3cr3t"'),
    `${upstream0}.ws: "https://h?k=***" does not fit: an http or https URL belongs under "url": write a ws or wss URL, for example "ws://10.0.0.1:8546".`,
  ],
  [
    'a WebSocket of a beacon node',
    network('url = "http://h:1"\nws = "ws://h:2"', '', 'beacon'),
    `${upstream0}.ws: a beacon upstream has no WebSocket: remove it; events come over the url.`,
  ],
  [
    'two upstreams of one name',
    second('url = "http://h:2"\nname = "A"'),
    'networks.el.upstreams[1].name: "A" is the name of upstreams[0] already (capitals do not count): write another one.',
  ],
  [
    'one upstream written twice',
    second('url = "HTTP://H:1/"\nname = "b"'),
    'networks.el.upstreams[1].url: upstreams[0] has this url already: write each upstream once.',
  ],
  [
    'an empty name of an upstream',
    network('url = "http://h:1"\nname = ""'),
    `${upstream0}.name: "" does not fit: write up to 64 letters, digits and "-", "_", ".", ":", beginning with a letter or digit.`,
  ],
  [
    'a tier that is none',
    network('url = "http://h:1"\ntier = "first"'),
    `${upstream0}.tier: "first" does not fit: write "primary" or "backup".`,
  ],
  ['no network', 'networks = {}', 'networks: no network: write at least one, for example [networks.el].'],
  ['an empty file', '', 'networks: missing: write a table with one table per network, for example [networks.el].'],
  [
    'no upstream',
    '[networks.el]\nkind = "evm"\nupstreams = []',
    'networks.el.upstreams: an empty list: write at least one upstream with a url.',
  ],
  [
    'no list of upstreams',
    '[networks.el]\nkind = "evm"',
    'networks.el.upstreams: missing: write a list of tables, each with at least a url.',
  ],
  [
    'backups alone',
    network('url = "http://h:1"\ntier = "backup"'),
    'networks.el.upstreams: every upstream is a backup: write tier = "primary" for at least one, or leave its tier out.',
  ],
  [
    'a URL in place of upstreams',
    '[networks.el]\nkind = "evm"\nupstreams = "http://u:s3cr3t@h"',
    'networks.el.upstreams: "http://***@h" does not fit: write a list of tables, each with at least a url.',
  ],
  ['a network that is no table', 'networks = { el = 1 }', 'networks.el: 1 does not fit: write a table.'],
  [
    'networks as a list',
    '[[networks]]\nkind = "evm"',
    'networks: a list does not fit: write a table with one table per network, for example [networks.el].',
  ],
  [
    'a probe without an interval',
    network(undefined, '[networks.el.probe]\nintervalMs = 0'),
    'networks.el.probe.intervalMs: 0 does not fit: write a whole number of milliseconds from 1 to 2147483647.',
  ],
  [
    'a timeout of nothing',
    network(undefined, '[networks.el.failsafe]\ntimeoutMs = 0'),
    'networks.el.failsafe.timeoutMs: 0 does not fit: write a whole number of milliseconds from 1 to 2147483647.',
  ],
  [
    'a timeout longer than timers run',
    network(undefined, '[networks.el.failsafe]\ntimeoutMs = 2147483648'),
    'networks.el.failsafe.timeoutMs: 2147483648 does not fit: write a whole number of milliseconds from 1 to 2147483647.',
  ],
  [
    'a duration with a unit',
    network(undefined, '[networks.el.probe]\ntimeoutMs = "5s"'),
    'networks.el.probe.timeoutMs: "5s" does not fit: write a whole number of milliseconds from 1 to 2147483647.',
  ],
  [
    'a fraction of a retry',
    network(undefined, '[networks.el.failsafe]\nmaxRetries = 1.5'),
    'networks.el.failsafe.maxRetries: 1.5 does not fit: write a whole number from 0 to 100.',
  ],
  [
    'no failures at all',
    network(undefined, '[networks.el.probe]\nmaxFailures = 0'),
    'networks.el.probe.maxFailures: 0 does not fit: write a whole number of 1 or more.',
  ],
  [
    'a quantile above one',
    network(undefined, '[networks.el.failsafe]\nhedge = { afterQuantile = 95 }'),
    'networks.el.failsafe.hedge.afterQuantile: 95 does not fit: write a number from 0.01 to 1.',
  ],
  [
    'not a number',
    network(undefined, '[networks.el.failsafe]\nbreaker = { failureRatio = nan }'),
    'networks.el.failsafe.breaker.failureRatio: NaN does not fit: write a number from 0.01 to 2.',
  ],
  [
    'a value in place of a table',
    network(undefined, '[networks.el.failsafe]\nhedge = true'),
    'networks.el.failsafe.hedge: true does not fit: write a table.',
  ],
  [
    'a strategy that is none',
    network(undefined, '[networks.el.routing]\nstrategy = "random"'),
    'networks.el.routing.strategy: "random" does not fit: write "ordered" or "balanced" or "roundRobin".',
  ],
  [
    'a chain id that is none',
    '[networks.el]\nkind = "evm"\nchainId = "0x1"\nupstreams = [{ url = "http://h:1" }]',
    'networks.el.chainId: "0x1" does not fit: write a whole number of 1 or more.',
  ],
  [
    'a date',
    top('drainMs = 2026-01-01'),
    'drainMs: a date does not fit: write a whole number of milliseconds from 0 to 2147483647.',
  ],
  [
    'an address without a host',
    top('listen = ":8080"'),
    'listen: ":8080" does not fit: write "127.0.0.1:8080" for this machine only, or "0.0.0.0:8080" for every network interface.',
  ],
  [
    'a port out of range',
    top('listen = "localhost:70000"'),
    'listen: "localhost:70000" does not fit: write a port from 0 to 65535, for example "127.0.0.1:8080".',
  ],
  ['a port alone', top('listen = 8080'), 'listen: 8080 does not fit: write host:port, for example "127.0.0.1:8080".'],
  [
    'a limit of nothing',
    top('limits = { maxBodyBytes = 0 }'),
    'limits.maxBodyBytes: 0 does not fit: write a whole number of 1 or more.',
  ],
  [
    'an origin with a path',
    top('cors = { origins = ["https://a.example/"] }'),
    'cors.origins[0]: "https://a.example/" does not fit: write an origin without a path, for example "https://app.example", or "*".',
  ],
  [
    'a header of the connection',
    network('url = "http://h:1"\nheaders = { Host = "x" }'),
    `${upstream0}.headers.Host: this header belongs to the connection and is set for every call: remove it.`,
  ],
  [
    'a header name that is none',
    network('url = "http://h:1"\nheaders = { "a b" = "x" }'),
    `${upstream0}.headers["a b"]: write a header name, for example Authorization.`,
  ],
  [
    'a header value on two lines',
    network('url = "http://h:1"\nheaders = { Authorization = "s3cr3t\\nX: y" }'),
    `${upstream0}.headers.Authorization: the value given (hidden) does not fit: write a header value as a string on one line.`,
  ],
  [
    'one header written twice',
    network('url = "http://h:1"\nheaders = { X-Key = "s3cr3t", x-key = "s3cr3t" }'),
    `${upstream0}.headers.x-key: this header is written twice (capitals do not count): write it once.`,
  ],
  [
    'credentials in the URL beside a header of them',
    network('url = "http://u:s3cr3t@h:1"\nheaders = { authorization = "s3cr3t" }'),
    `${upstream0}.headers.authorization: the user name and password in the url make this header too: write one of the two.`,
  ],
  [
    'a password that cannot be decoded',
    network('url = "http://u:s3%cr3t@h:1"'),
    `${upstream0}.url: "http://***@h:1" does not fit: write "%" in a user name or password as "%25".`,
  ],
  [
    'a variable that is not set',
    network(`url = "http://$${'{NOPE}'}"`),
    `${upstream0}.url: the environment variable NOPE is not set: set it, or write $\${ for a literal "\${".`,
  ],
  ['a key that no table may have', top('"__proto__" = { x = 1 }'), '__proto__: not a usable key: remove it.'],
]

describe('a config with a mistake', () => {
  for (const [what, toml, line] of oneProblem) {
    it(`is refused for ${what}`, async () => assert.deepEqual(await problemsIn(toml), [line]))
  }

  for (const name of ['health', 'ready', 'status', 'metrics', 'dashboard', 'admin', 'eth', 'ws']) {
    it(`is refused for a network named ${name}`, async () => {
      const lines = await problemsIn(network().replaceAll('networks.el', `networks.${name}`))
      assert.deepEqual(lines, [`networks.${name}: /${name} is a path of Drawbridge itself: write another name.`])
    })
  }

  for (const name of ['EL', '-el', 'e l', 'e/l', '..', '']) {
    it(`is refused for a network named "${name}"`, async () => {
      const lines = await problemsIn(network().replaceAll('networks.el', `networks."${name}"`))
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /the name is also the path/)
    })
  }

  it('is refused for two defaults of one kind, not of two kinds', async () => {
    const of = (name: string, kind: string): string =>
      `[networks.${name}]\nkind = "${kind}"\ndefault = true\nupstreams = [{ url = "http://h:1" }]\n`
    assert.deepEqual(await problemsIn(of('a', 'evm') + of('b', 'beacon')), [])
    assert.deepEqual(await problemsIn(of('a', 'evm') + of('b', 'evm')), [
      'networks.b.default: "a" is the default network of this kind already: write default = true once.',
    ])
  })

  it('is told everything that is wrong at once, of the schema and of names together', async () => {
    const lines = await problemsIn(
      'listen = "x"\n[networks.health]\nkind = "aztec"\n[[networks.health.upstreams]]\nname = "a"\ntier = "backup"\n' +
        '[[networks.health.upstreams]]\nname = "A"\nurl = "ws://h"\ntier = "backup"\n',
    )
    assert.deepEqual(lines.map((line) => line.split(': ')[0]).sort(), [
      'listen',
      'networks.health',
      'networks.health.kind',
      'networks.health.upstreams',
      'networks.health.upstreams[0].url',
      'networks.health.upstreams[1].name',
      'networks.health.upstreams[1].url',
    ])
  })

  it('shows a value as it was written, never what the environment put there', async () => {
    const lines = await problemsIn(top(`listen = "$${'{ADDRESS}'}"`), { ADDRESS: 's3cr3t' })
    assert.deepEqual(lines.length, 1)
    assert.match(lines[0] ?? '', /^listen: "\$\{ADDRESS\}" does not fit/)
  })

  it('shows no secret, whichever key it was written under', async () => {
    const secret = 'c0ffee5ec7e7c0ffee5ec7e7'
    for (const key of ['listen', 'drainMs', 'limits', 'cors', 'networks', 'token', secret]) {
      const rest = key === 'networks' ? '' : network()
      const lines = await problemsIn(`${key} = "${secret}"\n${rest}`)
      assert.ok(lines.length > 0)
      assert.ok(key === secret || !lines.join('\n').includes(secret), lines.join('\n'))
    }
  })
})
