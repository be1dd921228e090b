import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadExecutionApisVectors } from '../../test/vectors/execution-apis.ts'
import { requestBody, resultBody } from './envelope.ts'
import { classify } from './error-classes.ts'
import { methodTraits } from './methods.ts'
import { type ScannedCall, scanRequest } from './scan-request.ts'
import { ResponseSplitter, type ScannedResponse, scanResponse } from './scan-response.ts'

const exchanges = loadExecutionApisVectors().flatMap(({ name, exchanges }) =>
  exchanges.map((one) => ({ name, ...one })),
)

function callOf(text: string): ScannedCall {
  const scanned = scanRequest(Buffer.from(text), 1)
  return scanned.kind === 'single' ? scanned.call : assert.fail(`${scanned.kind}: ${text}`)
}

function check(scanned: ScannedResponse, response: string): void {
  const { result, error } = JSON.parse(response)
  if (scanned.kind === 'result') assert.deepEqual(JSON.parse(`${scanned.result}`), result)
  else if (scanned.kind === 'error') {
    assert.deepEqual(JSON.parse(`${scanned.error}`), error)
    assert.deepEqual([scanned.code, scanned.message, scanned.hasData], [error.code, error.message, 'data' in error])
  } else assert.fail(scanned.problem)
}

describe('the vectors of the execution-apis specification', () => {
  it('are all there', () => {
    assert.equal(loadExecutionApisVectors().length, 156)
    assert.equal(exchanges.length, 158)
  })

  it('scan as requests, of methods that we know', () => {
    for (const { name, request } of exchanges) {
      const call = callOf(request)
      const { id, method, params } = JSON.parse(request)
      assert.deepEqual([call.method, `${call.id}`], [method, JSON.stringify(id)], name)
      assert.deepEqual(call.params === undefined ? undefined : JSON.parse(`${call.params}`), params, name)
      if (!method.startsWith('testing_')) assert.equal(methodTraits(method).label, method)
    }
  })

  it('go upstream with method and params unchanged', () => {
    for (const { request } of exchanges) {
      const call = callOf(request)
      const { method, params } = JSON.parse(request)
      const sent = JSON.parse(requestBody(1, call.method, call.params).toString())
      assert.deepEqual(sent, { jsonrpc: '2.0', id: 1, method, ...(params === undefined ? {} : { params }) })
    }
  })

  it('scan as responses of the right kind, whole and in pieces', () => {
    for (const { response } of exchanges) {
      const body = Buffer.from(response)
      const whole = scanResponse(body)
      check(whole, response)
      const pieces: Buffer[] = []
      const splitter = new ResponseSplitter((piece) => pieces.push(piece))
      for (let at = 0; at < body.length; at += 17) splitter.push(body.subarray(at, at + 17))
      assert.equal(splitter.end().kind, whole.kind)
      if (whole.kind === 'result') assert.ok(Buffer.concat(pieces).equals(whole.result))
    }
  })

  it('come back byte for byte under another id', () => {
    for (const { response } of exchanges) {
      const scanned = scanResponse(Buffer.from(response))
      if (scanned.kind !== 'result') continue
      const id = Buffer.from('"other"')
      assert.equal(`${resultBody(id, scanned.result)}`, response.replace(/"id":[^,]+,/, '"id":"other",'))
    }
  })

  it('hold no error that no rule knows', () => {
    const classes = new Map<string, number>()
    for (const { name, request, response } of exchanges) {
      const error = scanResponse(Buffer.from(response))
      if (error.kind !== 'error') continue
      const verdict = classify({ method: callOf(request).method, httpStatus: 200, error })
      assert.notEqual(verdict.class, 'UNKNOWN', `${name}: ${error.message}`)
      classes.set(verdict.class, (classes.get(verdict.class) ?? 0) + 1)
    }
    assert.deepEqual(Object.fromEntries(classes), { CLIENT: 9, MISS: 5, REVERT: 3, TXREJ: 13, RANGE: 1 })
  })
})
