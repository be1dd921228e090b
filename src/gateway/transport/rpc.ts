import type { ByteAccount } from '../../core/byte-account.ts'
import type { Clock } from '../../core/clock.ts'
import { decodeBody } from '../../http/encoding.ts'
import { headerValue } from '../../http/headers.ts'
import type { HttpClient } from '../../http/types.ts'
import type { RpcCall } from '../../rpc/call.ts'
import { requestBody } from '../../rpc/envelope.ts'
import { scanResponse } from '../../rpc/scan-response.ts'
import { nextUpstreamId } from '../../rpc/upstream-id.ts'
import type { AttemptReceiver, Carrier } from '../upstream/carrier.ts'
import { judgeFailure } from '../upstream/judge.ts'
import { good, judgeBroken, judgeError, judgeRpc } from '../upstream/judge-rpc.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { type Endpoint, headersFor } from './endpoint.ts'
import { type Carried, type CarriedReceiver, carry, type Intake } from './http.ts'
import { ResultStream } from './result-stream.ts'

/** Answers up to this size are judged as a whole; larger ones by their beginning, and flow by. */
const holdBytes = 262_144
/** A compressed answer, which we never ask for, is read only when it was short enough to be held. */
const maxDecodedBytes = 67_108_864

/**
 * Carries JSON-RPC calls to one upstream over HTTP.
 *
 * @param stallMs longest time without progress of an answer that flows
 * @param account where held answers are counted
 */
export function rpcOverHttp(
  client: HttpClient,
  endpoint: Endpoint,
  clock: Clock,
  stallMs: number,
  account?: ByteAccount,
): Carrier<RpcCall> {
  const intake: Intake = { holdBytes, stallMs, account }
  return (call, upstream, receiver) => {
    const id = nextUpstreamId()
    const request = {
      method: 'POST',
      target: endpoint.path,
      headers: requestHeaders(call, endpoint),
      body: requestBody(id, call.name, call.params),
      redo: call.repeat !== 'never',
    }
    const carried: CarriedReceiver = {
      onHeard: () => receiver.onHeard(),
      onResent: () => receiver.onResent?.(),
      onProgress: (bytes) => receiver.onProgress(bytes),
      onFailed: (error) => receiver.onOutcome(judgeFailure(upstream, error)),
      onCarried: (answer) => judge({ call, id, upstream, receiver }, answer),
    }
    return carry(client, request, intake, clock, carried, call.client)
  }
}

function requestHeaders(call: RpcCall, endpoint: Endpoint): string[] {
  const headers = headersFor(endpoint, call.headers)
  headers.push('Content-Type', 'application/json', 'X-Request-Id', call.requestId)
  return headers
}

/** One question to one upstream. */
interface Asked {
  readonly call: RpcCall
  readonly id: number
  readonly upstream: UpstreamState
  readonly receiver: AttemptReceiver
}

function judge(asked: Asked, carried: Carried): void {
  const coding = headerValue(carried.headers, 'content-encoding')
  if (coding !== undefined) judgeCompressed(asked, carried, coding)
  else if (carried.rest === undefined) judgeWhole(asked, carried, carried.body)
  else judgeFlowing(asked, carried, new ResultStream(carried.body, carried.rest, asked.id, carried.connection))
}

function judgeWhole({ call, id, upstream, receiver }: Asked, carried: Carried, body: Buffer): void {
  const scanned = scanResponse(body, id)
  // Whatever comes next on this connection would answer somebody else too.
  if (scanned.kind === 'notAnAnswer' && scanned.misdirected === true) carried.connection.retire()
  receiver.onOutcome(judgeRpc(call, upstream, carried, scanned))
}

function judgeCompressed(asked: Asked, carried: Carried, coding: string): void {
  const broken = (): void => asked.receiver.onOutcome(judgeBroken(asked.call, asked.upstream, carried))
  if (carried.rest !== undefined) {
    carried.rest.abort()
    broken()
    return
  }
  decodeBody(carried.body, coding, maxDecodedBytes, (error, body) => {
    if (error === undefined) judgeWhole(asked, carried, body)
    else broken()
  })
}

function judgeFlowing({ call, upstream, receiver }: Asked, carried: Carried, source: ResultStream): void {
  if (source.state === 'result') {
    receiver.onOutcome(good(upstream, carried, { kind: 'resultStream', source }))
    return
  }
  source.conclude((end) => {
    if (end?.kind === 'error') receiver.onOutcome(judgeError(call, upstream, carried, end.error, end))
    else receiver.onOutcome(judgeBroken(call, upstream, carried))
  })
}
