import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ResponseSplitter, scanResponse } from './scan-response.ts'

const scan = (text: string) => scanResponse(Buffer.from(text))

function result(text: string): string {
  const scanned = scan(text)
  return scanned.kind === 'result' ? `${scanned.result}` : assert.fail(`${text}: ${scanned.kind}`)
}

function error(text: string) {
  const scanned = scan(text)
  if (scanned.kind !== 'error') return assert.fail(`${text}: ${scanned.kind}`)
  const { code, message, hasData, data } = scanned
  return [code, message, hasData, data === undefined ? undefined : `${data}`]
}

describe('scanResponse', () => {
  it('finds the result, wherever it stands', () => {
    assert.equal(result('{"jsonrpc":"2.0","id":1,"result":"0x1"}'), '"0x1"')
    assert.equal(result(' { "result" : { "a" : [ 1 ] } , "jsonrpc":"2.0","id":1 } \n'), '{ "a" : [ 1 ] }')
    assert.equal(result('{"jsonrpc":"2.0","result":[{"error":{"code":1}}],"id":1}'), '[{"error":{"code":1}}]')
  })

  it('never looks for an error inside a result', () => {
    const value = '[{"error":"execution timeout"},{"output":"0x08c379a0","message":"rate limit exceeded"}]'
    assert.equal(result(`{"id":1,"result":${value}}`), value)
  })

  it('takes scalars and null for results', () => {
    for (const value of ['null', 'true', 'false', '0', '-1.5e3', '""', '[]', '{}']) {
      assert.equal(result(`{"id":1,"result":${value}}`), value)
    }
  })

  it('is not led astray by quotes, brackets and escapes inside strings', () => {
    const value = JSON.stringify({ a: '}]"\\', '"b{': ['\\\\"', '[', `${'x'.repeat(100)}\\"${'y'.repeat(100)}\\`] })
    assert.equal(result(`{"result":${value},"id":1}`), value)
  })

  it('takes error null beside a result for a result, and any other error for an error', () => {
    assert.equal(result('{"error":null,"result":"0x1"}'), '"0x1"')
    assert.equal(result('{"result":null,"error":null}'), 'null')
    assert.deepEqual(error('{"result":null,"error":{"code":1,"message":"m"}}'), [1, 'm', false, undefined])
    assert.deepEqual(error('{"error":{"code":1,"message":"m"},"result":"0x1"}'), [1, 'm', false, undefined])
  })

  it('reads code, message and data of an error', () => {
    const text = '{"id":1,"error":{"data":"0x08c379a0","message":"a \\"b\\" é","code":-32000}}'
    assert.deepEqual(error(text), [-32000, 'a "b" é', true, '"0x08c379a0"'])
    const scanned = scan(text)
    assert.equal(scanned.kind === 'error' && `${scanned.error}`, text.slice(16, -1))
  })

  it('bears with strange errors', () => {
    assert.deepEqual(error('{"error":"no route"}'), [undefined, 'no route', false, undefined])
    assert.deepEqual(error('{"error":{}}'), [undefined, '', false, undefined])
    assert.deepEqual(error('{"error":{"code":"-32005","message":{"a":1}}}'), [-32005, '{"a":1}', false, undefined])
    assert.deepEqual(error('{"error":{"code":1.5,"message":null}}'), [undefined, 'null', false, undefined])
    assert.deepEqual(error('{"error":{"code":null,"message":"m","data":null}}'), [undefined, 'm', true, 'null'])
    assert.deepEqual(error('{"error":[1]}'), [undefined, '[1]', false, undefined])
  })

  it('reads the same from an error as JSON.parse', () => {
    const member = fc.constantFrom('code', 'message', 'data', 'x')
    const objects = fc.dictionary(member, fc.oneof(fc.jsonValue(), fc.integer(), fc.string({ unit: 'binary' })))
    fc.assert(
      fc.property(objects, fc.constantFrom(undefined, 1), (object, indent) => {
        const own = JSON.parse(JSON.stringify(object))
        const [code, message, hasData, data] = error(`{"error":${JSON.stringify(object, null, indent)}}`)
        if (Number.isSafeInteger(own.code)) assert.equal(code, own.code)
        if (typeof own.message === 'string') assert.equal(message, own.message)
        assert.equal(hasData, Object.hasOwn(own, 'data'))
        if (hasData) assert.deepEqual(JSON.parse(data as string), own.data)
      }),
    )
  })

  it('lets the last of members with the same name count', () => {
    assert.equal(result('{"result":1,"result":2}'), '2')
    assert.deepEqual(error('{"error":null,"\\u0065rror":{"code":1,"code":2}}'), [2, '', false, undefined])
  })

  it('finds that something is no answer', () => {
    const texts = [
      '',
      ' ',
      '<html>',
      'null',
      '[]',
      '"x"',
      '{}',
      '{"id":1}',
      '{"error":null}',
      '{"jsonrpc":"2.0","id":1}',
    ]
    const broken = [
      '{"result":1}}',
      '{"result":1,}',
      '{"result":}',
      '{"result":nul}',
      '{"result" 1}',
      '{result:1}',
      '{"result":01}',
    ]
    for (const text of [...texts, ...broken, '{"error":{"code":1,}}', '{"error":{"message":"\\x"}}']) {
      assert.equal(scan(text).kind, 'notAnAnswer', text)
    }
  })

  it('notices every truncation', () => {
    const text = '{"jsonrpc":"2.0","id":1,"result":{"a":["x\\"y",1,{"b":null}],"c":"d\\\\"}}'
    for (let length = 0; length < text.length; length++) {
      assert.equal(scan(text.slice(0, length)).kind, 'notAnAnswer', text.slice(0, length))
    }
  })
})

/** What a splitter makes of a text that arrives in pieces of the given lengths, in turn. */
function split(text: Buffer, lengths: readonly number[], maxHeld?: number) {
  const pieces: Buffer[] = []
  const splitter = new ResponseSplitter((piece) => pieces.push(Buffer.from(piece)), maxHeld)
  const states: string[] = []
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const length = lengths[turn % lengths.length]!
    states.push(splitter.push(text.subarray(at, at + length)))
    at += length
  }
  const end = splitter.end()
  return { end, result: Buffer.concat(pieces), states }
}

function splitLikeWhole(text: Buffer, lengths: readonly number[]) {
  const whole = scanResponse(text)
  const { end, result } = split(text, lengths)
  assert.equal(end.kind, whole.kind)
  if (whole.kind === 'result') assert.equal(`${result}`, `${whole.result}`)
  if (whole.kind === 'error') assert.deepEqual(end, whole)
}

describe('ResponseSplitter', () => {
  it('hands out the result while it arrives', () => {
    const { end, result, states } = split(Buffer.from('{"id":1,"result":["ab",{}],"x":1}'), [9, 1, 8, 4, 100])
    assert.deepEqual([end, `${result}`], [{ kind: 'result' }, '["ab",{}]'])
    assert.deepEqual(states, ['unknown', 'unknown', 'result', 'result', 'result'])
  })

  it('tells an error before anything is handed out', () => {
    const { end, result, states } = split(Buffer.from('{"error":{"code":3,"message":"m"},"result":[1]}'), [10, 100])
    assert.equal(end.kind === 'error' && end.code, 3)
    assert.equal(result.length, 0)
    assert.deepEqual(states, ['error', 'error'])
  })

  it('waits with null, as an error may follow', () => {
    assert.equal(split(Buffer.from('{"result":null,"error":{"code":3}}'), [5]).end.kind, 'error')
    assert.equal(`${split(Buffer.from('{"result":null,"id":1}'), [5]).result}`, 'null')
  })

  it('finds an answer broken that goes on after its result', () => {
    for (const text of ['{"result":[],"error":{"code":1}}', '{"result":1,"result":2}', '{"error":{},"error":{}}']) {
      assert.equal(split(Buffer.from(text), [7]).end.kind, 'notAnAnswer', text)
    }
  })

  it('notices every truncation', () => {
    const text = Buffer.from('{"id":1,"error":null,"result":{"a":["x\\"y",1,{"b":null}],"c":"d\\\\"}}')
    for (let length = 0; length < text.length; length++) {
      assert.equal(split(text.subarray(0, length), [4]).end.kind, 'notAnAnswer')
    }
  })

  it('does not hold more than it is told to', () => {
    const long = (value: string) => split(Buffer.from(`{"${'n'.repeat(5000)}":1,"error":${value}}`), [64], 1000).end
    assert.equal(long('"short"').kind, 'error')
    const end = long(`"${'x'.repeat(2000)}"`)
    assert.match(end.kind === 'notAnAnswer' ? end.problem : '', /more than 1000 bytes/)
    assert.equal(long('1'.repeat(2000)).kind, 'notAnAnswer')
  })

  it('hands out views, not copies', () => {
    const chunk = Buffer.from('"0123456789"')
    const pieces: Buffer[] = []
    const splitter = new ResponseSplitter((piece) => pieces.push(piece))
    splitter.push(Buffer.from('{"result":['))
    splitter.push(chunk)
    assert.equal(pieces[1]?.buffer, chunk.buffer)
    assert.equal(pieces[1]?.byteOffset, chunk.byteOffset)
  })

  const value = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, '\\"', '\\\\', '"'.repeat(60)),
  )
  const answer = fc
    .record({
      members: fc.uniqueArray(
        fc.tuple(fc.constantFrom('jsonrpc', 'id', 'result', 'error', 'x', '\\'), value, fc.boolean(), fc.boolean()),
        { selector: ([name]) => name, maxLength: 5 },
      ),
      space: fc.constantFrom('', ' ', '\n\t'),
    })
    // An error after a result that is handed out is the one difference: such texts are looked at above.
    .filter(({ members }) => {
      const at = (wanted: string) =>
        members.findIndex(([name, inside, , nothing]) => name === wanted && inside !== null && !nothing)
      return at('result') === -1 || at('error') < at('result')
    })
    .map(({ members, space }) => {
      const text = members.map(([name, inside, escaped, nothing]) => {
        const letters = escaped ? `"${[...name].map(asEscape).join('')}"` : JSON.stringify(name)
        return `${space}${letters}${space}:${space}${nothing ? 'null' : JSON.stringify(inside)}${space}`
      })
      return `${space}{${text.join()}}${space}`
    })
  const lengths = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 })

  it('sees the same as a whole scan, however the text is split', () => {
    fc.assert(
      fc.property(answer, lengths, (text, pieces) => splitLikeWhole(Buffer.from(text), pieces)),
      { numRuns: 2000 },
    )
  })

  it('sees the same as a whole scan in damaged texts', () => {
    const damaged = fc
      .tuple(
        fc.jsonValue(),
        fc.nat(),
        fc.nat(3),
        fc.constantFrom('', '"', '\\', '{', ']', '}', ',', 'null', '0', 'result'),
      )
      .map(([inside, at, cut, put]) => {
        const text = `{"jsonrpc":"2.0","id":1,"result":${JSON.stringify(inside)}}`
        const from = at % text.length
        return text.slice(0, from) + put + text.slice(from + cut)
      })
      .filter((text) => text.split('result').length < 3)
    fc.assert(
      fc.property(damaged, lengths, (text, pieces) => splitLikeWhole(Buffer.from(text), pieces)),
      { numRuns: 3000 },
    )
  })
})

function asEscape(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
}
