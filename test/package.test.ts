import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a user who installs the package gets, apart from the build. */
function packed(): Set<string> {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  })
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  return new Set(files.map(({ path }) => path))
}

function sources(): string[] {
  const names = readdirSync(join(root, 'src'), { recursive: true }).map(String)
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
}

describe('the npm package', () => {
  const files = packed()

  it('holds every page that a message names', () => {
    const named = new Set(sources().flatMap((text) => text.match(/\b(?:docs|examples)\/[\w./-]+\.\w+/g) ?? []))
    assert.ok(named.size > 1, 'messages name pages')
    assert.deepEqual(
      [...named].filter((page) => !files.has(page)),
      [],
    )
  })

  it('holds every page and example of the repository, and the program', () => {
    for (const folder of ['docs', 'examples']) {
      for (const name of readdirSync(join(root, folder), { recursive: true }).map(String)) {
        if (/\.\w+$/.test(name)) assert.ok(files.has(`${folder}/${name}`), `${folder}/${name}`)
      }
    }
    assert.ok(files.has('bin/drawbridge.js'))
  })

  it('holds no test and no source', () => {
    assert.deepEqual(
      [...files].filter((path) => /^(?:src|test|bench)\//.test(path)),
      [],
    )
  })
})
