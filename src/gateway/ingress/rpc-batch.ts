import type { Outcome } from '../../rpc/call.ts'
import { batchBody, errorBody, resultEnd, resultStart } from '../../rpc/envelope.ts'
import { type BadMember, isBad, type ScannedCall } from '../../rpc/scan-request.ts'
import { pipe } from './pipe.ts'
import { ourError } from './refusal.ts'
import { respondEncoded, responseBody } from './rpc-answer.ts'
import type { RpcRequest } from './rpc-door.ts'

/** The response to one member of a batch: complete, or with a result that still flows. */
type MemberResponse = Buffer | { readonly id: Buffer; readonly outcome: Outcome }

const [open, comma, close] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')]

/** Serves the members of a batch independently and answers them in order; notifications get no answer. */
export async function answerBatch(request: RpcRequest, members: readonly (ScannedCall | BadMember)[]): Promise<void> {
  const answers = await Promise.all(members.map((member) => serve(request, member)))
  const responses = answers.filter((answer) => answer !== undefined)
  const headers = ['Content-Type', 'application/json', 'X-Request-Id', request.requestId, ...request.corsHeaders]
  if (request.stale !== undefined) headers.push('X-Drawbridge-Stale', request.stale)
  if (responses.length === 0) request.exchange.respond(204, headers, '')
  else if (responses.every((response) => Buffer.isBuffer(response))) {
    respondEncoded(request.exchange, 200, headers, batchBody(responses))
  } else streamBatch(request, responses, headers)
}

async function serve(request: RpcRequest, member: ScannedCall | BadMember): Promise<MemberResponse | undefined> {
  if (isBad(member)) return errorBody(member.id, ourError('invalidRequest', { problem: member.problem }).error)
  const outcome = await request.options.handler(request.callOf(member))
  const { answer } = outcome
  request.stale ??= outcome.stale
  if (member.id === undefined) {
    if (answer.kind === 'resultStream') answer.source.abort()
    return undefined
  }
  return answer.kind === 'resultStream' ? { id: member.id, outcome } : responseBody(member.id, answer)
}

/** Writes the responses one after the other; those whose results still flow wait for their turn with their flow paused. */
function streamBatch(request: RpcRequest, responses: readonly MemberResponse[], headers: readonly string[]): void {
  const { exchange } = request
  exchange.start(200, headers)
  const abandonFrom = (at: number): void => {
    for (const response of responses.slice(at)) {
      if (!Buffer.isBuffer(response) && response.outcome.answer.kind === 'resultStream')
        response.outcome.answer.source.abort()
    }
  }
  const writeFrom = (first: number): void => {
    for (let at = first; at < responses.length; at++) {
      const response = responses[at]!
      exchange.write(at === 0 ? open : comma)
      if (Buffer.isBuffer(response)) exchange.write(response)
      else {
        exchange.write(resultStart(response.id))
        if (response.outcome.answer.kind !== 'resultStream') continue
        pipe(response.outcome.answer.source, exchange, () => {
          exchange.write(resultEnd)
          writeFrom(at + 1)
        })
        const closePipe = exchange.onClose
        exchange.onClose = () => {
          closePipe?.()
          abandonFrom(at + 1)
        }
        return
      }
    }
    exchange.write(close)
    exchange.end()
  }
  writeFrom(0)
}
