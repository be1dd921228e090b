import type { ByteAccount } from '../core/byte-account.ts'
import type { Call, Policy, RestCall, RpcCall } from '../rpc/call.ts'
import { judgeAnswer } from './beacon/judge.ts'
import { publish } from './beacon/publish.ts'
import type { Discretion } from './discretion.ts'
import type { Link } from './links.ts'
import type { NetworkOptions } from './options.ts'
import { Everyone } from './policy/everyone.ts'
import { filters } from './policy/filters.ts'
import type { FailsafeOptions } from './policy/options.ts'
import { rawTransaction } from './policy/raw-transaction.ts'
import { splitLogs } from './policy/split-logs.ts'
import { told } from './policy/told.ts'
import type { Probe, ProbeSchedule } from './probe/ask.ts'
import { beaconProbe } from './probe/beacon.ts'
import { evmProbe } from './probe/evm.ts'
import type { GatewaySeams } from './seams.ts'
import { restOverHttp } from './transport/rest.ts'
import { rpcOverHttp } from './transport/rpc.ts'
import type { Carrier } from './upstream/carrier.ts'
import type { Pool } from './upstream/pool.ts'
import type { NetworkState, UpstreamState } from './upstream/state.ts'

/** What a network needs from the world and from its gateway. */
export interface NetworkSeams extends GatewaySeams {
  readonly discretion: Discretion
  /** What may be held on behalf of clients. */
  readonly held: ByteAccount
}

/** What tells one kind of network from another. */
export interface Dialect<C extends Call> {
  probe(schedule: ProbeSchedule, options: NetworkOptions, discretion: Discretion): Probe
  carrier(link: Link, seams: NetworkSeams, failsafe: FailsafeOptions): Carrier<C>
  /** Policies that only this kind has, between those around the whole call and the failsafe ones. */
  special(state: NetworkState, pool: Pool<C>, seams: NetworkSeams): Special<C>
}

export interface Special<C extends Call> {
  readonly policies: readonly Policy<C>[]
  /** Told of every probe and of every change of service. */
  checked?(upstream: UpstreamState, failed: boolean): void
}

export const evm: Dialect<RpcCall> = {
  probe: (schedule, _, { text }) => evmProbe(schedule, text),
  carrier: (link, { clock, held }, { stallMs }) => rpcOverHttp(link.client, link.endpoint, clock, stallMs, held),
  special: (state, pool, seams) => ({
    policies: [
      told(state, seams.clock, seams.discretion.idle ? undefined : seams.discretion.bytes),
      rawTransaction(),
      splitLogs(state),
      filters(state, { attemptAt: (call, upstream) => pool.attemptWithin(call, upstream) }, seams),
    ],
  }),
}

export const beacon: Dialect<RestCall> = {
  probe: (schedule, options, { text }) => beaconProbe(schedule, options.chainId !== undefined, text),
  carrier: (link, { clock, held }, { stallMs }) =>
    restOverHttp(link.client, link.endpoint, clock, judgeAnswer, stallMs, held),
  special: (network, pool, { clock }) => {
    const everyone = new Everyone({ network, pool, clock })
    return { policies: [publish(), everyone.policy], checked: (upstream, failed) => everyone.checked(upstream, failed) }
  },
}
