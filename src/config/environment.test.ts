import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { expandEnvironment } from './environment.ts'

const name = (text: string): string => `\${${text}}`

describe('expandEnvironment', () => {
  const environment = { HOST: '10.0.0.1', KEY: 'secret', EMPTY: '', SNEAKY: name('KEY') }

  it('fills in variables in every string, however deep', () => {
    const data = { a: `http://${name('HOST')}/${name('KEY')}`, b: [{ c: name('KEY') }], d: 1, e: true }
    const { data: expanded, problems } = expandEnvironment(data, environment)
    assert.deepEqual(expanded, { a: 'http://10.0.0.1/secret', b: [{ c: 'secret' }], d: 1, e: true })
    assert.deepEqual(problems, [])
  })

  it('says where each value went', () => {
    const { taken } = expandEnvironment({ b: [{ c: name('KEY') }] }, environment)
    assert.deepEqual(taken, [{ path: ['b', 0, 'c'], value: 'secret' }])
  })

  it('does not expand what a variable holds', () => {
    assert.deepEqual(expandEnvironment({ a: name('SNEAKY') }, environment).data, { a: name('KEY') })
  })

  it('takes a doubled dollar sign as a literal', () => {
    assert.deepEqual(expandEnvironment({ a: `$${name('KEY')} $5 $` }, environment).data, { a: `${name('KEY')} $5 $` })
  })

  it('names the key path and the variable that is not set, or empty', () => {
    const { problems } = expandEnvironment({ a: { b: name('NOPE') }, c: [name('EMPTY')] }, environment)
    assert.deepEqual(
      problems.map(({ path, sentence }) => [path, sentence.split(':')[0]]),
      [
        [['a', 'b'], 'the environment variable NOPE is not set'],
        [['c', 0], 'the environment variable EMPTY is empty'],
      ],
    )
  })

  it('does not take what every object inherits for a variable', () => {
    assert.equal(expandEnvironment({ a: name('constructor') }, {}).problems.length, 1)
  })

  for (const broken of ['{', '{}', '{KEY', '{A-B}', '{1}'].map((text) => `$${text}`)) {
    it(`refuses ${broken}`, () => {
      assert.match(expandEnvironment({ a: broken }, environment).problems[0]?.sentence ?? '', /without a variable name/)
    })
  }

  it('stops at a table that contains itself', () => {
    const table: Record<string, unknown> = {}
    table['self'] = table
    assert.match(expandEnvironment(table, {}).problems[0]?.sentence ?? '', /nested deeper/)
  })
})
