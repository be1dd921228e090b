import { chooseCoding, encodeBody } from '../../http/encoding.ts'
import type { Exchange } from '../../http/types.ts'
import type { Answer, Outcome, RpcCall } from '../../rpc/call.ts'
import { errorBody, resultBody, resultEnd, resultStart } from '../../rpc/envelope.ts'
import { type AnswerHeaders, openly } from './answer-headers.ts'
import { pipe } from './pipe.ts'
import { refusalOf, retryAfterSeconds } from './refusal.ts'

const json = 'application/json'

/** The complete JSON-RPC response to one call, when its result is not flowing by. */
export function responseBody(id: Buffer, answer: Answer): Buffer {
  switch (answer.kind) {
    case 'result':
      return resultBody(id, answer.value)
    case 'error':
      return errorBody(id, answer.error)
    case 'refusal':
      return errorBody(id, refusalOf(answer.refusal).error)
    case 'resultStream':
    case 'http':
      throw new TypeError(`an answer of kind ${answer.kind} has no body to hold`)
  }
}

/** HTTP status of a single call's answer: 200 whatever an upstream said, our own refusals have theirs. */
export function statusOf(answer: Answer): number {
  return answer.kind === 'refusal' ? refusalOf(answer.refusal).status : 200
}

/** What we say about a call besides its answer. */
export function answerHeaders(call: RpcCall, outcome: Outcome, passed: AnswerHeaders = openly): string[] {
  const headers = passed.ofRpc(outcome)
  headers.push('Content-Type', json, 'X-Request-Id', call.requestId)
  headers.push('X-Drawbridge-Attempts', String(call.trail.attempts))
  if (outcome.upstream !== undefined) {
    headers.push('X-Drawbridge-Upstream', outcome.upstream)
    if (outcome.verdict !== undefined) headers.push('X-Drawbridge-Class', outcome.verdict.class)
  }
  if (outcome.head !== undefined && outcome.head >= 0) headers.push('X-Drawbridge-Head', String(outcome.head))
  if (outcome.stale !== undefined) headers.push('X-Drawbridge-Stale', outcome.stale)
  const { answer } = outcome
  if (answer.kind === 'refusal' && answer.refusal.retryAfterMs !== undefined) {
    headers.push('Retry-After', retryAfterSeconds(answer.refusal.retryAfterMs))
  }
  return headers
}

/** Gives up what of an outcome still flows, for want of a reader. */
export function discardFlow({ answer }: Outcome): void {
  if (answer.kind === 'resultStream') answer.source.abort()
}

/** Streams a result that is too large to hold. */
export function streamAnswer(exchange: Exchange, id: Buffer, outcome: Outcome, headers: string[]): void {
  if (outcome.answer.kind !== 'resultStream') throw new TypeError('only a flowing result can be streamed')
  exchange.start(200, headers)
  exchange.write(resultStart(id))
  pipe(outcome.answer.source, exchange, () => {
    exchange.write(resultEnd)
    exchange.end()
  })
}

/** Answers shorter than this are not worth compressing, in bytes. */
const worthCompressing = 1400

/** Answers with a held body, compressed when the client takes it and it pays. */
export function respondEncoded(exchange: Exchange, status: number, headers: string[], body: Buffer): void {
  const coding = body.length < worthCompressing ? 'identity' : chooseCoding(exchange.header('accept-encoding'))
  if (coding === 'identity') {
    exchange.respond(status, headers, body)
    return
  }
  headers.push('Content-Encoding', coding, 'Vary', 'Accept-Encoding')
  encodeBody(body, coding, (encoded) => exchange.respond(status, headers, encoded))
}
