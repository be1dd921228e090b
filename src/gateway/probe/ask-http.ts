import { afterPendingInput, type Clock } from '../../core/clock.ts'
import { GatheredBytes } from '../../core/gathered-bytes.ts'
import type { CarrierError, HttpClient, RawHeaders } from '../../http/types.ts'
import { describeFailure } from '../upstream/judge.ts'
import { noteHeard } from '../upstream/pool.ts'
import { shortestSilenceMs } from '../upstream/silence.ts'
import { historyOf, type UpstreamState } from '../upstream/state.ts'
import { targetBelow } from '../upstream/target.ts'
import { type ProbeAsk, ProbeError, type ProbeRequest, type ProbeResponse } from './ask.ts'

/** How an upstream is reached. */
export interface ProbeLink {
  /** Carries probes alone: they may never wait behind calls. */
  readonly client: HttpClient
  readonly endpoint: { readonly path: string; readonly headers: RawHeaders }
}

/** A probe's answer is small; a longer one is somebody else's, and would cost the one thread its time. */
const usualAnswerBytes = 65_536
const label = 'probe'
/** Expected p99 of a probe request before any was seen, in milliseconds. */
const firstPatienceMs = 250

/**
 * Asks over HTTP, each request with its own timeout. A probe that is not answered in a multiple of the usual time makes
 * the upstream suspect long before the timeout, so that an idle upstream that hangs is known before it is needed.
 */
export function askOverHttp(
  links: ReadonlyMap<UpstreamState, ProbeLink>,
  timeoutMs: number,
  clock: Clock,
  suspect: (upstream: UpstreamState) => void,
): ProbeAsk {
  return (upstream, request) =>
    new Promise((resolve, reject) => {
      const { client, endpoint } = links.get(upstream)!
      const began = clock.now()
      let waiting = true
      const silence = clock.after(Math.min(timeoutMs, patienceWith(upstream)), () => {
        // If we were the ones who slept, the answer lies in the socket buffer: read that first.
        void afterPendingInput().then(() => {
          if (waiting && upstream.lastAnswerAt < began) suspect(upstream)
        })
      })
      const timer = clock.after(timeoutMs, () => {
        call.abort()
        fail(new ProbeError(`no answer to a probe within ${timeoutMs} ms`))
      })
      const stopTimers = (): void => {
        waiting = false
        clock.clear(silence)
        clock.clear(timer)
      }
      const fail = (error: ProbeError): void => {
        stopTimers()
        reject(error)
      }
      const answer = new ProbeAnswer(request.maxBytes ?? usualAnswerBytes, (response, error) => {
        if (response === undefined) {
          call.abort()
          fail(
            new ProbeError(error === undefined ? 'the answer to a probe is too large' : describeFailure(error), error),
          )
          return
        }
        stopTimers()
        note(upstream, clock.now(), began)
        resolve({ ...response, connection: call })
      })
      const call = client.send(outgoing(request, endpoint), answer)
    })
}

function outgoing({ method, target, body }: ProbeRequest, { path, headers }: ProbeLink['endpoint']) {
  const type = body === undefined ? [] : ['Content-Type', 'application/json']
  return { method, target: targetBelow(path, target), headers: [...headers, ...type], body, redo: true }
}

function patienceWith(upstream: UpstreamState): number {
  const history = upstream.latency.get(label)
  if (history === undefined || history.size < 5) return firstPatienceMs
  return Math.max(shortestSilenceMs, 4 * history.quantile(0.99)!)
}

function note(upstream: UpstreamState, now: number, began: number): void {
  if (!upstream.suspect) {
    historyOf(upstream, label, now).record(now - began, now)
    upstream.overall.record(now - began, now)
  }
  noteHeard(upstream, now)
}

class ProbeAnswer {
  readonly #done: (response: ProbeResponse | undefined, error: CarrierError | undefined) => void
  #status = 0
  #headers: RawHeaders = []
  readonly #body = new GatheredBytes()
  readonly #maxBytes: number

  constructor(maxBytes: number, done: (response: ProbeResponse | undefined, error: CarrierError | undefined) => void) {
    this.#maxBytes = maxBytes
    this.#done = done
  }

  onHead(status: number, headers: RawHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onData(chunk: Buffer): void {
    if (this.#body.length + chunk.length > this.#maxBytes) this.#done(undefined, undefined)
    else this.#body.add(chunk)
  }

  onEnd(): void {
    this.#done({ status: this.#status, headers: this.#headers, body: this.#body.take() }, undefined)
  }

  onError(error: CarrierError): void {
    this.#done(undefined, error)
  }
}
