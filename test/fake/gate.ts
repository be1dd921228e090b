import { Cancellation } from '../../src/core/cancel.ts'
import type { AbortableSource, ByteReceiver, Flow } from '../../src/core/flow.ts'
import type { AttemptReceiver, Carrier } from '../../src/gateway/upstream/carrier.ts'
import type { UpstreamOptions } from '../../src/gateway/upstream/options.ts'
import { type NetworkState, newNetwork, type UpstreamState } from '../../src/gateway/upstream/state.ts'
import { type Call, type Outcome, type RpcCall, Trail } from '../../src/rpc/call.ts'
import { type ErrorClass, effects } from '../../src/rpc/error-classes.ts'
import { methodTraits } from '../../src/rpc/methods.ts'

/** An upstream as configured, named and otherwise by default. */
export function upstreamOptions(name: string, more: Partial<UpstreamOptions> = {}): UpstreamOptions {
  return { name, url: `http://${name}.test:8545`, tier: 'primary', headers: {}, passHeaders: [], ...more }
}

export interface NetworkWishes {
  readonly upstreams: readonly (string | (Partial<UpstreamOptions> & { readonly name: string }))[]
  readonly strategy?: NetworkState['strategy']
  readonly maxLag?: number
  readonly maxFailures?: number
  readonly chainId?: number
  readonly now?: number
}

/** A network nobody has heard of yet. */
export function unknownNetwork(wishes: NetworkWishes): NetworkState {
  const { strategy = 'ordered', maxLag = 5, maxFailures = 3, chainId, now = 0 } = wishes
  const upstreams = wishes.upstreams.map((one) =>
    typeof one === 'string' ? upstreamOptions(one) : upstreamOptions(one.name, one),
  )
  return newNetwork({ name: 'el', kind: 'evm', chainId, strategy, maxLag, maxFailures, upstreams }, now)
}

/** A network whose upstreams are all well, at block 100. */
export function wellNetwork(wishes: NetworkWishes): NetworkState {
  const network = unknownNetwork(wishes)
  for (const upstream of network.upstreams) {
    upstream.seen = true
    upstream.eligible = true
    upstream.out = undefined
    upstream.head = 100
  }
  network.head = 100
  return network
}

/** A call of a client. */
export function rpcCall(method = 'eth_blockNumber', params?: string, more: Partial<RpcCall> = {}): RpcCall {
  const traits = methodTraits(method)
  return {
    name: method,
    label: traits.label,
    repeat: traits.repeat,
    cost: traits.cost,
    traits,
    params: params === undefined ? undefined : Buffer.from(params),
    requestId: 'r-1',
    headers: [],
    directive: undefined,
    cancellation: new Cancellation(),
    trail: new Trail(),
    startedAt: 0,
    ...more,
  }
}

/** A good answer of an upstream. */
export function goodAnswer(upstream: string, result = '"0x1"'): Outcome {
  return {
    answer: { kind: 'result', value: Buffer.from(result) },
    verdict: undefined,
    upstream,
    head: 100,
    headers: [],
    mayHaveActed: true,
  }
}

/** An upstream's error of a class. */
export function badAnswer(upstream: string, errorClass: ErrorClass, more: Partial<Outcome> = {}): Outcome {
  return {
    answer: { kind: 'error', error: Buffer.from(`{"code":-32000,"message":"${errorClass}"}`) },
    verdict: { class: errorClass, rule: `rule of ${errorClass}`, effect: effects[errorClass] },
    upstream,
    head: 100,
    headers: [],
    mayHaveActed: true,
    ...more,
  }
}

/** Why an outcome is a refusal of ours; undefined when it is none. */
export function refusalReason({ answer }: Outcome): string | undefined {
  return answer.kind === 'refusal' ? answer.refusal.reason : undefined
}

/** One attempt that a {@link ScriptedCarrier} has been given. */
export interface CarriedAttempt {
  readonly call: Call
  readonly upstream: UpstreamState
  readonly receiver: AttemptReceiver
  aborted: boolean
}

/** Carries nothing: the test answers. */
export class ScriptedCarrier<C extends Call> {
  readonly attempts: CarriedAttempt[] = []

  readonly carrier: Carrier<C> = (call, upstream, receiver) => {
    const attempt: CarriedAttempt = { call, upstream, receiver, aborted: false }
    this.attempts.push(attempt)
    return {
      abort: () => {
        attempt.aborted = true
      },
    }
  }
}

/** Bytes that flow when the test says so; counts what is done to it. */
export class ScriptedSource implements AbortableSource {
  readonly length = undefined
  aborted = 0
  paused = 0
  resumed = 0
  receiver: ByteReceiver | undefined

  open(receiver: ByteReceiver): Flow {
    this.receiver = receiver
    return { pause: () => this.paused++, resume: () => this.resumed++ }
  }

  abort(): void {
    this.aborted++
  }
}

/** Lets all pending promises settle. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
