import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseText, type TextFormat } from './formats.ts'
import { JsonSyntaxError, parseJson } from './json.ts'

describe('parseText', () => {
  const broken: [format: TextFormat, text: string, message: RegExp][] = [
    ['TOML', 'listen = "a"\nlisten = "b"\n', /^f:2:\d+: this is not valid TOML/],
    ['TOML', 'a = 1\n\nkey = "SECRET\n', /^f:3:\d+: this is not valid TOML/],
    ['TOML', '[[x]\n', /^f:1:\d+: this is not valid TOML/],
    ['YAML', 'a: 1\na: 2\n', /^f:2:1: this is not valid YAML: .*unique/],
    ['YAML', 'a: "SECRET\n', /^f:2:1: this is not valid YAML/],
    ['YAML', 'a: 1\n\tb: 2\n', /^f:2:\d+: this is not valid YAML/],
    ['JSON', '{\n  "a": 1,\n}', /^f:3:1: this is not valid JSON: a key in double quotes is missing/],
    ['JSON', '{ "key": "SECRET }', /^f:1:10: this is not valid JSON: a string is missing/],
    ['JSON', '{ "a": 1, "a": 2 }', /^f:1:11: this is not valid JSON: the same key stands twice/],
    ['JSON', '', /^f:1:1: this is not valid JSON: a value is missing, but the file ends here/],
    ['JSON', '{} x', /^f:1:4: this is not valid JSON: there is text after the end/],
  ]
  for (const [format, text, message] of broken) {
    it(`says where ${format} is broken: ${JSON.stringify(text)}`, async () => {
      await assert.rejects(parseText(text, format, 'f'), (error: Error) => {
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /SECRET/)
        return true
      })
    })
  }

  it('reads the same config from TOML, YAML and JSON, with or without a byte order mark', async () => {
    const wanted = { listen: 'localhost:1', networks: { el: { upstreams: [{ url: 'http://h' }] } } }
    const texts: [TextFormat, string][] = [
      ['TOML', 'listen = "localhost:1"\n[[networks.el.upstreams]]\nurl = "http://h"\n'],
      ['YAML', '\uFEFFlisten: localhost:1\nnetworks:\n  el:\n    upstreams:\n      - url: http://h\n'],
      ['JSON', `\uFEFF${JSON.stringify(wanted)}`],
    ]
    for (const [format, text] of texts) {
      // TOML tables have no prototype; only what they hold counts.
      assert.deepEqual(structuredClone(await parseText(text, format, 'f')), wanted)
    }
  })

  it('stops at YAML that grows without end', async () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
      'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
    ]
    const more = ['d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]', 'e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]']
    await assert.rejects(parseText([...bomb, ...more].join('\n'), 'YAML', 'f'), /not valid YAML/)
  })
})

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(fc.property(fc.json(), (text) => assert.deepEqual(parseJson(text), JSON.parse(text))))
  })

  it('refuses what JSON.parse refuses', () => {
    const near = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', ']', '\\', '\n', '0', '-', 'e'))
    fc.assert(
      fc.property(near, ([text, at, inserted]) => {
        const place = at % (text.length + 1)
        const changed = text.slice(0, place) + inserted + text.slice(place + 1)
        const expected = outcome(() => JSON.parse(changed) as unknown)
        const actual = outcome(() => parseJson(changed))
        if (actual.error instanceof JsonSyntaxError && /twice/.test(actual.error.message)) return
        assert.equal(actual.error === undefined, expected.error === undefined, changed)
      }),
    )
  })

  it('refuses nesting that would exhaust the stack', () => {
    assert.throws(() => parseJson('['.repeat(100_000)), /nested too deep/)
  })
})

function outcome(run: () => unknown): { error?: unknown } {
  try {
    run()
    return {}
  } catch (error) {
    return { error }
  }
}
