import type { Clock } from '../../core/clock.ts'
import { decodeBody } from '../../http/encoding.ts'
import { headerValue } from '../../http/headers.ts'
import type { CarrierError, HttpClient } from '../../http/types.ts'
import type { RpcCall } from '../../rpc/call.ts'
import { requestBody } from '../../rpc/envelope.ts'
import type { AttemptReceiver, Carrier } from '../upstream/carrier.ts'
import { judgeFailure } from '../upstream/judge.ts'
import { good, judgeBroken, judgeError, judgeRpc } from '../upstream/judge-rpc.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { type Endpoint, headersFor } from './endpoint.ts'
import { type Carried, carry, type Intake } from './http.ts'
import { ResultStream } from './result-stream.ts'

/** Answers up to this size are judged as a whole; larger ones by their beginning, and flow by. */
const intake: Intake = { holdBytes: 262_144, stallMs: 30_000 }
/** A compressed answer, which we never ask for, is read only when it was short enough to be held. */
const maxDecodedBytes = 67_108_864

/** Carries JSON-RPC calls to one upstream over HTTP. */
export function rpcOverHttp(client: HttpClient, endpoint: Endpoint, clock: Clock): Carrier<RpcCall> {
  return (call, upstream, receiver) => {
    const request = {
      method: 'POST',
      target: endpoint.path,
      headers: requestHeaders(call, endpoint),
      body: requestBody(call.name, call.params),
      redo: call.repeat !== 'never',
    }
    return carry(client, request, intake, clock, {
      onHeard: () => receiver.onHeard(),
      onProgress: (bytes) => receiver.onProgress(bytes),
      onFailed: (error: CarrierError) => receiver.onOutcome(judgeFailure(upstream, error)),
      onCarried: (carried) => judge(call, upstream, carried, receiver),
    })
  }
}

function requestHeaders(call: RpcCall, endpoint: Endpoint): string[] {
  const headers = headersFor(endpoint, call.headers)
  headers.push('Content-Type', 'application/json', 'X-Request-Id', call.requestId)
  return headers
}

function judge(call: RpcCall, upstream: UpstreamState, carried: Carried, receiver: AttemptReceiver): void {
  const coding = headerValue(carried.headers, 'content-encoding')
  if (coding !== undefined) judgeCompressed(call, upstream, carried, coding, receiver)
  else if (carried.rest === undefined) receiver.onOutcome(judgeRpc(call, upstream, carried, carried.body))
  else judgeFlowing(call, upstream, carried, new ResultStream(carried.body, carried.rest), receiver)
}

function judgeCompressed(
  call: RpcCall,
  upstream: UpstreamState,
  carried: Carried,
  coding: string,
  receiver: AttemptReceiver,
): void {
  if (carried.rest !== undefined) {
    carried.rest.abort()
    receiver.onOutcome(judgeBroken(call, upstream, carried))
    return
  }
  decodeBody(carried.body, coding, maxDecodedBytes, (error, body) => {
    if (error === undefined) receiver.onOutcome(judgeRpc(call, upstream, carried, body))
    else receiver.onOutcome(judgeBroken(call, upstream, carried))
  })
}

function judgeFlowing(
  call: RpcCall,
  upstream: UpstreamState,
  carried: Carried,
  source: ResultStream,
  receiver: AttemptReceiver,
): void {
  if (source.state === 'result') {
    receiver.onOutcome(good(upstream, carried, { kind: 'resultStream', source }))
    return
  }
  source.conclude((end) => {
    if (end?.kind === 'error') receiver.onOutcome(judgeError(call, upstream, carried, end.error, end))
    else receiver.onOutcome(judgeBroken(call, upstream, carried))
  })
}
