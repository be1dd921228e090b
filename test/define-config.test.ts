import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const network = (more: string) => `networks: { el: { kind: 'evm', upstreams${more} } }`

/** What the compiler has to take: each on its own line of one file. */
const good = [
  `defineConfig({ ${network(', chainId: 1')} })`,
  `defineConfig(() => ({ ${network('')} }))`,
  `defineConfig(async () => ({ ${network('')}, cors: { origins: ['*'] } }))`,
  'defineConfig(typed)',
  'defineConfig(() => typed)',
  'defineConfig(Promise.resolve(typed))',
  'defineConfig(JSON.parse(""))',
  `defineConfig({ networks: Object.fromEntries(['a'].map((name) => [name, { kind: 'evm' as const, upstreams }])) })`,
  `defineConfig({ ${network(', failsafe: { hedge: { afterQuantile: 1 } }')}, drainMs: 1, limits: { perClient: {} } })`,
  `fromConfig({ ${network('')} })`,
]

/** What it has to refuse, and the key that its message has to name. */
const bad: readonly (readonly [key: string, code: string])[] = [
  ['chainID', `defineConfig({ ${network(', chainID: 1')} })`],
  ['urll', `defineConfig({ networks: { el: { kind: 'evm', upstreams: [{ url: '', urll: '' }] } } })`],
  ['network', `defineConfig(() => ({ network: {}, ${network('')} }))`],
  ['prob', `defineConfig(async () => ({ ${network(', prob: {}')} }))`],
  ['prob', `defineConfig(Promise.resolve({ networks: { el: { kind: 'evm' as const, upstreams, prob: {} } } }))`],
  ['tear', `defineConfig({ networks: { el: { kind: 'evm', upstreams: ['a'].map((url) => ({ url, tear: '' })) } } })`],
  [
    'upstream',
    `defineConfig({ networks: Object.fromEntries([['a', { kind: 'evm' as const, upstream: 1, upstreams }]]) })`,
  ],
  ['after', `defineConfig({ ${network(', failsafe: { hedge: { after: 1 } }')} })`],
  ['perclient', `defineConfig({ ${network('')}, limits: { perclient: {} } })`],
  ['chainID', `fromConfig({ ${network(', chainID: 1')} })`],
  ['number', `defineConfig({ ${network(", chainId: '1'")} })`],
  ['upstreams', `defineConfig({ networks: { el: { kind: 'evm' } } })`],
]

/** The compiler's messages, each with all its lines, by line of the code. */
function compile(folder: string, lines: readonly string[]): Map<number, string> {
  writeFileSync(join(folder, 'code.mts'), lines.join('\n'))
  const typeRoots = [join(root, 'node_modules/@types')]
  const options = { extends: join(root, 'tsconfig.json'), compilerOptions: { typeRoots }, include: ['code.mts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [compiler, '--pretty', 'false', '-p', folder], { encoding: 'utf8' })
  const messages = stdout.split(/^(?=\S*code\.mts\()/m).filter((text) => text !== '')
  return new Map(messages.map((text) => [Number(/code\.mts\((\d+),/.exec(text)?.[1]), text]))
}

describe('the types of a config', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-types-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const head = [
    `import { type Config, defineConfig, fromConfig } from ${JSON.stringify(relative(folder, join(root, 'src/index.ts')))}`,
    `const upstreams = [{ url: 'http://h:1' }]`,
    `const typed: Config = { ${network('')} }`,
  ]
  const messages = compile(folder, [...head, ...good, ...bad.map(([, code]) => code)])

  good.forEach((code, at) => {
    it(`take ${code}`, () => assert.equal(messages.get(head.length + at + 1), undefined))
  })

  bad.forEach(([key, code], at) => {
    it(`refuse ${code}, and name "${key}"`, () => {
      const message = messages.get(head.length + good.length + at + 1)
      assert.ok(message?.includes(`'${key}'`) || message?.includes(`"${key}"`), message ?? 'it compiles')
    })
  })

  it('are those of the code above and of nothing else', () => {
    assert.equal(messages.size, bad.length)
  })
})
