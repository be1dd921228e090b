import type { Clock } from '../../core/clock.ts'
import { prefixed } from '../../core/flow.ts'
import type { CarrierError, HttpClient } from '../../http/types.ts'
import type { Outcome, RestCall } from '../../rpc/call.ts'
import type { Verdict } from '../../rpc/error-classes.ts'
import type { Carrier } from '../upstream/carrier.ts'
import { judgeFailure, retryAfterOf } from '../upstream/judge.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { targetBelow } from '../upstream/target.ts'
import { type Endpoint, headersFor } from './endpoint.ts'
import { type Carried, carry, type Intake } from './http.ts'

/** Small answers are held, so that one that breaks off can still be fetched elsewhere. */
const holdBytes = 65_536
/** Event streams are handed over at once, and may be silent for long. */
const endless: Intake = { holdBytes: 0, stallMs: undefined }

/** Judges a REST call by its status. */
export type JudgeStatus = (call: RestCall, status: number) => Verdict | undefined

/** Carries REST calls to one upstream: verb, raw path and query, body and status pass unchanged. */
export function restOverHttp(
  client: HttpClient,
  endpoint: Endpoint,
  clock: Clock,
  judge: JudgeStatus,
  stallMs: number,
): Carrier<RestCall> {
  const ordinary: Intake = { holdBytes, stallMs }
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
    return carry(client, request, call.endless ? endless : ordinary, clock, {
      onHeard: () => receiver.onHeard(),
      onProgress: (bytes) => receiver.onProgress(bytes),
      onFailed: (error: CarrierError) => receiver.onOutcome(judgeFailure(upstream, error)),
      onCarried: (carried) => receiver.onOutcome(outcomeOf(call, upstream, carried, judge)),
    })
  }
}

function outcomeOf(call: RestCall, upstream: UpstreamState, carried: Carried, judge: JudgeStatus): Outcome {
  const { status, headers, body, rest } = carried
  return {
    answer: { kind: 'http', status, body: rest === undefined ? body : prefixed(body, rest) },
    verdict: judge(call, status),
    upstream: upstream.name,
    head: upstream.head,
    headers,
    mayHaveActed: true,
    retryAfterMs: retryAfterOf(headers),
  }
}
