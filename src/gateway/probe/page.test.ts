import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describePage } from './page.ts'

const page = (text: string | Buffer, headers: string[] = []) =>
  describePage({ status: 200, headers, body: Buffer.from(text as string) })

describe('a page instead of JSON', () => {
  it('shows its first words, without markup, scripts and what cannot be printed', () => {
    const html =
      '<!doctype html><html><script>var a = "<b>"</script><style>p{}</style><h1>Log in</h1>\n<p>to \u001b[31mAcme'
    assert.equal(page(html), 'it says "Log in to [31mAcme"')
    assert.equal(page('x'.repeat(10_000)), `it says "${'x'.repeat(80)}…"`)
    assert.equal(page('{"jsonrpc":"2.0"'), `it says "{'jsonrpc':'2.0'"`)
    assert.equal(page(''), undefined)
    assert.equal(page(Buffer.from([0, 1, 2, 255])), undefined)
  })

  it('shows where it points to', () => {
    assert.equal(
      page('<p>moved', ['Location', 'https://login.example/start?next=k']),
      'it points to https://login.example/start?next=***',
    )
  })

  it('shows no secret', () => {
    const words = page('see https://u:p@rpc.example/v2/9aF3kQ00zz and Bearer abcdef')
    assert.doesNotMatch(words ?? '', /u:p|9aF3kQ00zz|abcdef/)
  })

  it('takes no time to speak of, however it is made', () => {
    for (const text of ['<'.repeat(1e6), '<script>'.repeat(1e5), ' '.repeat(1e6)]) page(text)
  })
})
