import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isBad, type ScannedCall, scanRequest } from './scan-request.ts'

const scan = (text: string | Buffer, maxBatch = 1000) => scanRequest(Buffer.from(text as string), maxBatch)

function single(text: string): ScannedCall {
  const scanned = scan(text)
  assert.equal(scanned.kind, 'single', text)
  return (scanned as { call: ScannedCall }).call
}

function problem(text: string | Buffer): string {
  const scanned = scan(text)
  if (scanned.kind === 'invalid') return scanned.bad.problem
  if (scanned.kind === 'unparsable') return scanned.problem
  return assert.fail(`${text} was accepted as ${scanned.kind}`)
}

describe('scanRequest', () => {
  it('finds method, id and params', () => {
    const call = single('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x1"},"latest"]}')
    assert.equal(call.method, 'eth_call')
    assert.equal(`${call.id}`, '1')
    assert.equal(`${call.params}`, '[{"to":"0x1"},"latest"]')
  })

  it('takes members in any order, with white space anywhere', () => {
    const call = single(' {\r\n "params" : { "a" : 1 } ,\t"method" : "m" , "id" : "x" } \n')
    assert.deepEqual([call.method, `${call.id}`, `${call.params}`], ['m', '"x"', '{ "a" : 1 }'])
  })

  it('keeps ids byte for byte', () => {
    const ids = [
      '0',
      '-0',
      '9007199254740993',
      '123456789012345678901234567890',
      '1.50',
      '1e3',
      'null',
      'true',
      'false',
    ]
    for (const id of [...ids, '{ "a" :[1]}', '[ 1,{}]', '""', '"a\\u0041\\n\\"b"', '"é😀"', '"\\ud800"']) {
      assert.equal(`${single(`{"method":"m","id":${id}}`).id}`, id)
    }
  })

  it('tells a notification from a call with id null', () => {
    assert.equal(single('{"method":"m"}').id, undefined)
    assert.equal(`${single('{"method":"m","id":null}').id}`, 'null')
  })

  it('takes params null as absent', () => {
    assert.equal(single('{"method":"m","params":null,"id":1}').params, undefined)
    assert.equal(single('{"method":"m","id":1}').params, undefined)
  })

  it('lets the last of members with the same name count, also when one is written with escapes', () => {
    const call = single('{"id":1,"method":"a","\\u006dethod":"b","params":[1],"params":null,"\\u0069d":2}')
    assert.deepEqual([call.method, `${call.id}`, call.params], ['b', '2', undefined])
  })

  it('decodes escapes and UTF-8 in method names', () => {
    assert.equal(single('{"method":"eth\\u005fcall"}').method, 'eth_call')
    assert.equal(single('{"method":"größe"}').method, 'größe')
  })

  it('accepts a missing jsonrpc but no other version', () => {
    assert.equal(single('{"jsonrpc":"\\u0032.0","method":"m"}').method, 'm')
    for (const version of ['"1.0"', '2.0', 'null', '"2.0 "', '["2.0"]', '"xyz"']) {
      assert.match(problem(`{"jsonrpc":${version},"method":"m","id":1}`), /jsonrpc/)
    }
  })

  it('echoes the id of a bad call where it can be told', () => {
    const scanned = scan('{"id":"q","params":[]}')
    assert.equal(scanned.kind, 'invalid')
    assert.equal(scanned.kind === 'invalid' && `${scanned.bad.id}`, '"q"')
  })

  it('refuses what is JSON but no call', () => {
    for (const text of [
      '1',
      '"m"',
      'null',
      '{}',
      '{"method":1}',
      '{"method":"m","params":1}',
      '{"method":"m","params":"x"}',
    ]) {
      assert.equal(scan(text).kind, 'invalid', text)
    }
    assert.match(problem('[]'), /empty/)
  })

  it('judges the members of a batch one by one', () => {
    const scanned = scan('[{"method":"a","id":1}, 7, [], {"id":2}, {"method":"b"}]')
    assert.equal(scanned.kind, 'batch')
    if (scanned.kind !== 'batch') return
    const seen = scanned.members.map((member) => (isBad(member) ? `bad ${member.id}` : `${member.method} ${member.id}`))
    assert.deepEqual(seen, ['a 1', 'bad undefined', 'bad undefined', 'bad 2', 'b undefined'])
  })

  it('counts an oversized batch, and still finds it broken first', () => {
    assert.deepEqual(scan('[1,2,3]', 2), { kind: 'tooMany', count: 3 })
    assert.equal(scan('[1,2]', 2).kind, 'batch')
    assert.equal(scan('[1,2,3', 2).kind, 'unparsable')
  })

  it('skips a byte order mark', () => {
    assert.equal(single('\ufeff{"method":"m"}').method, 'm')
    assert.equal(scan('\ufeff').kind, 'unparsable')
  })

  it('refuses text that is not UTF-8', () => {
    const text = Buffer.concat([Buffer.from('{"method":"'), Buffer.of(0xff), Buffer.from('"}')])
    assert.match(problem(text), /UTF-8/)
  })

  it('says where the text is broken', () => {
    assert.deepEqual(scan(''), { kind: 'unparsable', problem: 'The text ends where a value was expected.', at: 0 })
    const scanned = scan('{"method":"m",}')
    assert.equal(scanned.kind === 'unparsable' && scanned.at, 14)
    assert.match(problem('{"method":"m"}}'), /end of the text/)
    assert.match(problem('{"method":"a\nb"}'), /0xa stands at offset 12/)
  })

  it('refuses control characters in strings, and no other', () => {
    for (let code = 0; code < 0x80; code++) {
      const text = `{"method":"a${String.fromCharCode(code)}b"}`
      // A quote ends the string; a backslash makes "\\b" of what follows.
      assert.equal(scan(text).kind, code < 0x20 || code === 0x22 ? 'unparsable' : 'single', `${code}`)
    }
  })

  it('refuses texts nested too deep, without recursing', () => {
    const nested = (levels: number) => `{"method":"m","params":${'['.repeat(levels)}${']'.repeat(levels)}}`
    assert.equal(scan(nested(511)).kind, 'single')
    assert.match(problem(nested(512)), /512/)
    assert.equal(scan('['.repeat(1_000_000)).kind, 'unparsable')
    assert.equal(scan('{"a":'.repeat(1_000_000)).kind, 'unparsable')
  })

  it('takes a string of ten megabytes', () => {
    const data = 'ab'.repeat(5_000_000)
    assert.equal(single(`{"method":"m","params":["${data}"]}`).params?.length, 10_000_004)
    assert.equal(scan(`{"method":"m","params":["${data}`).kind, 'unparsable')
  })
})

/** What JSON.parse and the specification make of the same text. */
function expected(text: string): string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'unparsable'
  }
  if (Array.isArray(value)) return value.length === 0 ? 'invalid' : `batch ${value.map(judge).join()}`
  const verdict = judge(value)
  return verdict === 'bad' ? 'invalid' : `single ${verdict}`
}

function judge(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'bad'
  const own = (name: string) => Object.getOwnPropertyDescriptor(value, name)?.value
  const [version, id, method, params] = ['jsonrpc', 'id', 'method', 'params'].map(own)
  if (Object.hasOwn(value, 'jsonrpc') && version !== '2.0') return 'bad'
  if (typeof method !== 'string') return 'bad'
  if (params !== undefined && typeof params !== 'object') return 'bad'
  return JSON.stringify([method, id, params ?? undefined])
}

function seen(text: string): string {
  const scanned = scan(text)
  const parse = (span: Buffer | undefined) => (span === undefined ? undefined : JSON.parse(span.toString()))
  const show = (call: ScannedCall) => JSON.stringify([call.method, parse(call.id), parse(call.params)])
  if (scanned.kind === 'single') return `single ${show(scanned.call)}`
  if (scanned.kind === 'batch') return `batch ${scanned.members.map((m) => (isBad(m) ? 'bad' : show(m))).join()}`
  return scanned.kind
}

const member = fc.oneof(
  fc.record(
    {
      jsonrpc: fc.oneof({ weight: 8, arbitrary: fc.constant('2.0') }, fc.jsonValue()),
      id: fc.oneof(fc.integer(), fc.string({ unit: 'binary' }), fc.jsonValue()),
      method: fc.oneof({ weight: 8, arbitrary: fc.string({ unit: 'binary' }) }, fc.jsonValue()),
      params: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
)
const text = fc
  .tuple(fc.oneof(member, fc.array(member, { maxLength: 4 })), fc.constantFrom(undefined, 1, '\t'))
  .map(([value, indent]) => JSON.stringify(value, null, indent))
// Pieces that make mutations land on the edges of the grammar.
const pieces = [
  ...'{}[]",:\\ue+-.0123 \n\t\u0001',
  'null',
  'true',
  '1e5',
  '-0',
  '01',
  '\\u00',
  '""',
  '😀',
  '\\"',
  'id',
  '"id":',
]

describe('scanRequest against JSON.parse', () => {
  it('agrees on every JSON text', () => {
    fc.assert(
      fc.property(text, (whole) => assert.equal(seen(whole), expected(whole))),
      { numRuns: 1000 },
    )
  })

  it('agrees on texts with something cut out and something put in', () => {
    const mutated = fc
      .tuple(
        text,
        fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom('', ...pieces)), { minLength: 1, maxLength: 3 }),
      )
      .map(([whole, edits]) => edits.reduce(edit, whole).toWellFormed())
    fc.assert(
      fc.property(mutated, (whole) => assert.equal(seen(whole), expected(whole))),
      { numRuns: 4000 },
    )
  })

  it('agrees on short texts of JSON characters', () => {
    const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((list) => list.join(''))
    fc.assert(
      fc.property(soup, (whole) => assert.equal(seen(whole), expected(whole))),
      { numRuns: 4000 },
    )
  })
})

function edit(whole: string, [at, cut, put]: [number, number, string]): string {
  const from = at % (whole.length + 1)
  return whole.slice(0, from) + put + whole.slice(from + cut)
}
