import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseText } from '../src/config/formats.ts'
import { validateConfig } from '../src/config/load.ts'
import { documentedCommands, globalRows } from './docs-cli.ts'
import { documentedKeys, rowOf } from './docs-config.ts'
import { classRows, refusalRows, wordRows } from './docs-errors.ts'
import { metricRows } from './docs-metrics.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The rows of all tables in a page whose first cell is code. */
function rowsIn(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('| `'))
}

/** Says both what the page lacks and what it has too much. */
function assertSameRows(actual: readonly string[], expected: readonly string[]): void {
  assert.deepEqual(
    {
      missing: expected.filter((row) => !actual.includes(row)),
      tooMuch: actual.filter((row) => !expected.includes(row)),
    },
    { missing: [], tooMuch: [] },
  )
}

/** The code blocks of one language. */
function blocksIn(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, found, code]) =>
    found === language ? [code ?? ''] : [],
  )
}

describe('docs/config.md', () => {
  const page = read('docs/config.md')

  it('describes every key with its type, default and meaning, and no other', () => {
    assertSameRows(rowsIn(page), documentedKeys().map(rowOf))
  })

  it('has examples that are one valid config and use every key', async () => {
    const raw = await parseText(blocksIn(page, 'toml').join('\n'), 'TOML', 'docs/config.md')
    validateConfig(raw, 'docs/config.md', { GETH_1_KEY: 'one', PROVIDER_KEY: 'two' })
    const used = new Set(pathsIn(raw, ''))
    const unused = documentedKeys().filter(({ path }) => !used.has(path))
    assert.deepEqual(
      unused.map(({ path }) => path),
      [],
    )
  })
})

/** The key paths in a config, written as in the docs. */
function pathsIn(value: unknown, prefix: string): string[] {
  if (Array.isArray(value)) return [prefix, ...value.flatMap((item) => pathsIn(item, `${prefix}[]`))]
  if (typeof value !== 'object' || value === null) return [prefix]
  const keys = Object.entries(value)
  const path = (key: string): string => (prefix === '' ? key : `${prefix}.${prefix === 'networks' ? 'NAME' : key}`)
  return [prefix, ...keys.flatMap(([key, item]) => pathsIn(item, path(key)))]
}

describe('docs/cli.md', () => {
  const page = read('docs/cli.md')
  const sections = page.split(/^(?=## )/m)
  const ofCommands = sections.filter((section) => section.startsWith('## drawbridge'))

  it('has one section per command, and no other', () => {
    assertSameRows(
      ofCommands.map((section) => section.split('\n')[0] ?? ''),
      documentedCommands().map(({ heading }) => heading),
    )
  })

  for (const { heading, usage, rows } of documentedCommands()) {
    it(`describes the usage and every flag under "${heading}"`, () => {
      const section = ofCommands.find((text) => text.startsWith(`${heading}\n`)) ?? ''
      assert.ok(section.includes(`\n\`${usage}\`\n`), usage)
      assertSameRows(rowsIn(section), rows)
    })
  }

  it('describes the flags of every command', () => {
    const section = sections.find((text) => text.startsWith('## Flags of every command')) ?? ''
    assertSameRows(rowsIn(section), globalRows())
  })
})

describe('docs/errors.md', () => {
  const page = read('docs/errors.md')
  const tableUnder = (title: string): string[] =>
    rowsIn(page.split(/^(?=## )/m).find((text) => text.startsWith(`## ${title}\n`)) ?? '')

  it('describes every error of our own with its numbers and texts, and no other', () => {
    assertSameRows(tableUnder('Errors of Drawbridge'), refusalRows())
  })

  it('describes every class of upstream error and what is done about it, and no other', () => {
    assertSameRows(tableUnder('Errors of upstreams'), classRows())
  })

  it('explains every word of that table', () => {
    assertSameRows(tableUnder('The words of this table'), wordRows())
  })
})

describe('docs/metrics.md', () => {
  it('describes every metric with its labels, and no other', () => {
    assertSameRows(rowsIn(read('docs/metrics.md')), metricRows())
  })

  it('knows every metric that the sources make', () => {
    const made = sourcesBelow('src').flatMap((text) =>
      [...text.matchAll(/\.(?:counter|gauge|histogram)\(\s*'(\w+)'/g)].map(([, name]) => `drawbridge_${name}`),
    )
    const described = metricRows().map((row) => /`(\w+)`/.exec(row)?.[1])
    assert.deepEqual(
      made.filter((name) => !described.includes(name)),
      [],
    )
    assert.ok(made.length > 10, 'the sources were found')
  })
})

/** The texts of all sources below a folder, tests left out. */
function sourcesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => read(join(folder, name)))
}

describe('every page', () => {
  const pages = ['README.md', ...readdirSync(join(root, 'docs'), { recursive: true }).map((name) => `docs/${name}`)]
  for (const page of pages.filter((name) => name.endsWith('.md') && existsSync(join(root, name)))) {
    it(`has only local links that lead somewhere: ${page}`, () => {
      const withoutCode = read(page).replace(/^```[\s\S]*?^```$/gm, '')
      const targets = [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '')
      assert.deepEqual(
        targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(page, target)),
        [],
      )
    })
  }
})

function leadsSomewhere(page: string, target: string): boolean {
  const [file = '', anchor] = target.split('#')
  const path = file === '' ? join(root, page) : resolve(dirname(join(root, page)), file)
  if (!existsSync(path)) return false
  return anchor === undefined || anchorsOf(readFileSync(path, 'utf8')).includes(anchor)
}

function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
