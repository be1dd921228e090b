import type { ByteAccount } from '../../core/byte-account.ts'
import type { Clock } from '../../core/clock.ts'
import { prefixed } from '../../core/flow.ts'
import { decodeBody } from '../../http/encoding.ts'
import { headerValue } from '../../http/headers.ts'
import type { HttpClient } from '../../http/types.ts'
import type { Outcome, RestCall } from '../../rpc/call.ts'
import type { Verdict } from '../../rpc/error-classes.ts'
import type { Carrier } from '../upstream/carrier.ts'
import { judgeFailure, retryAfterOf } from '../upstream/judge.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { targetBelow } from '../upstream/target.ts'
import { type Endpoint, headersFor } from './endpoint.ts'
import { type Carried, type CarriedReceiver, carry, type Intake } from './http.ts'

/** Small answers are held, so that one that breaks off can still be fetched elsewhere. */
const holdBytes = 65_536
/** Event streams are handed over at once, and may be silent for long. */
const endless: Intake = { holdBytes: 0, stallMs: undefined }

/** Judges a REST answer by its status, and by the body of an error where that was short enough to be held. */
export type JudgeRest = (call: RestCall, status: number, body?: Buffer) => Verdict | undefined

/** Carries REST calls to one upstream: verb, raw path and query, body and status pass unchanged. */
export function restOverHttp(
  client: HttpClient,
  endpoint: Endpoint,
  clock: Clock,
  judge: JudgeRest,
  stallMs: number,
  account?: ByteAccount,
): Carrier<RestCall> {
  const ordinary: Intake = { holdBytes, stallMs, account }
  return (call, upstream, receiver) => {
    const headers = headersFor(endpoint, call.headers)
    headers.push('X-Request-Id', call.requestId)
    const request = {
      method: call.verb,
      target: targetBelow(endpoint.path, call.target),
      headers,
      body: call.body,
      redo: call.repeat !== 'never',
    }
    const carried: CarriedReceiver = {
      onHeard: () => receiver.onHeard(),
      onResent: () => receiver.onResent?.(),
      onProgress: (bytes) => receiver.onProgress(bytes),
      onFailed: (error) => receiver.onOutcome(judgeFailure(upstream, error)),
      onCarried: (answer) =>
        readError(answer, (body) => receiver.onOutcome(outcomeOf(upstream, answer, judge(call, answer.status, body)))),
    }
    return carry(client, request, call.endless ? endless : ordinary, clock, carried, call.client)
  }
}

/** Hands over the body of an error as it reads once decoded; undefined where it is not at hand. */
function readError({ status, headers, body, rest }: Carried, done: (body: Buffer | undefined) => void): void {
  if (status < 400 || rest !== undefined) done(undefined)
  else {
    decodeBody(body, headerValue(headers, 'content-encoding'), holdBytes, (error, text) =>
      done(error === undefined ? text : undefined),
    )
  }
}

function outcomeOf(upstream: UpstreamState, carried: Carried, verdict: Verdict | undefined): Outcome {
  const { status, headers, body, rest } = carried
  return {
    answer: { kind: 'http', status, body: rest === undefined ? body : prefixed(body, rest) },
    verdict,
    upstream: upstream.name,
    head: upstream.head,
    headers,
    mayHaveActed: true,
    retryAfterMs: retryAfterOf(headers),
  }
}
