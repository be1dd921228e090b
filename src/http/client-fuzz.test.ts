import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Answer, call, newClient, withUpstream } from './harness.test.ts'
import { CarrierError } from './types.ts'

const answer =
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n4;x\r\nabcd\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n'

describe('an answer', () => {
  it('means the same in whatever pieces it arrives', async () => {
    let cuts: number[] = []
    await withUpstream(
      async (socket, received) => {
        if (!received.endsWith('END')) return
        let from = 0
        for (const cut of [...cuts, answer.length]) {
          socket.write(answer.slice(from, cut))
          from = cut
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
      async (origin) => {
        const client = newClient(origin)
        const property = fc.asyncProperty(fc.array(fc.nat(answer.length), { maxLength: 8 }), async (at) => {
          cuts = at.sort((a, b) => a - b)
          const { status, headers, body } = await call(client)
          assert.deepEqual([status, body], [200, 'abcd0123456789'])
          assert.deepEqual(headers, ['Transfer-Encoding', 'chunked', 'X-A', 'b'])
          assert.equal(client.connections, 1, 'the connection is used again')
        })
        await fc.assert(property, { numRuns: 100 })
        client.destroy()
      },
    )
  })

  it('of random bytes ends in an answer or in an error of ours', async () => {
    let bytes = ''
    const mutation = fc.tuple(fc.nat(answer.length - 1), fc.nat(255), fc.constantFrom('replace', 'insert', 'cut'))
    await withUpstream(
      (socket, received) => void (received.endsWith('END') && socket.end(bytes, 'latin1')),
      async (origin) => {
        const client = newClient(origin)
        const property = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
          bytes = answer
          for (const [at, byte, kind] of mutations) {
            const put = kind === 'cut' ? '' : String.fromCharCode(byte)
            bytes = bytes.slice(0, at) + put + (kind === 'cut' ? '' : bytes.slice(kind === 'insert' ? at : at + 1))
          }
          const outcome: Answer | CarrierError = await call(client, { redo: false }).catch((error) => error)
          if (outcome instanceof CarrierError) assert.ok(['MALFORMED', 'CLOSED_EARLY'].includes(outcome.code))
          else assert.ok(outcome.status >= 200, String(outcome))
        })
        await fc.assert(property, { numRuns: 200 })
        client.destroy()
      },
    )
  })
})
