import type { Log } from '../core/log.ts'
import type { NetworkInstruments } from './instruments.ts'
import type { ProbeReport } from './probe/loop.ts'
import type { WatchObserver } from './probe/watch.ts'
import { describeDegradation } from './upstream/degradation.ts'
import { describeReason, type HealthChange } from './upstream/health.ts'
import type { AttemptObserver } from './upstream/pool.ts'
import type { NetworkState, UpstreamState } from './upstream/state.ts'

/** Tells operators what has changed: one log line per event, never one per call. */
export class HealthNews implements WatchObserver, AttemptObserver {
  readonly #network: NetworkState
  readonly #log: Log
  readonly #counted: NetworkInstruments

  constructor(network: NetworkState, log: Log, counted: NetworkInstruments) {
    this.#network = network
    this.#log = log
    this.#counted = counted
  }

  probed({ upstream, durationMs, problem }: ProbeReport): void {
    this.#counted.probed(upstream, durationMs, problem !== undefined)
    if (problem !== undefined) this.#log.debug({ ...this.#about(upstream), problem }, 'a probe failed')
  }

  changed(change: HealthChange): void {
    const network = this.#network.name
    switch (change.kind) {
      case 'lost':
        this.#log.warn({ ...this.#about(change.upstream), reason: describeReason(change.reason) }, 'upstream lost')
        return
      case 'returned':
        this.#log.info({ ...this.#about(change.upstream), head: change.upstream.head }, 'upstream in service')
        return
      case 'head':
        this.#headMoved(change.stands, change.ageMs)
        return
      case 'failover':
        if (change.active) {
          this.#counted.handles.failovers.inc()
          this.#log.warn({ network }, 'no primary is left: backups take over')
        } else this.#log.info({ network }, 'failover has ended')
    }
  }

  reorged(upstream: UpstreamState, from: number, to: number): void {
    this.#counted.reorged(upstream)
    this.#log.info({ ...this.#about(upstream), from, to }, 'the head of an upstream went back')
  }

  breakerMoved(upstream: UpstreamState): void {
    this.#log.warn({ ...this.#about(upstream), breaker: upstream.breaker.phase }, 'breaker moved')
  }

  degraded(upstream: UpstreamState, degraded: boolean, now: number): void {
    if (degraded) {
      const reason = describeDegradation(upstream, now)
      this.#log.warn({ ...this.#about(upstream), reason }, 'upstream is degraded: preferring those that do better')
    } else this.#log.info(this.#about(upstream), 'upstream does well again')
  }

  ended(): void {}

  suspected(upstream: UpstreamState): void {
    this.#log.warn(
      { ...this.#about(upstream), inFlight: upstream.inFlight.size },
      'upstream has fallen silent: avoiding it',
    )
  }

  contradicted(upstream: string, rule: string): void {
    this.#log.debug({ network: this.#network.name, upstream, rule }, 'another upstream answered what this one refused')
  }

  #headMoved(stands: boolean, ageMs: number): void {
    const { name: network, head } = this.#network
    if (!stands) this.#log.info({ network, head }, 'the head moves again')
    else
      this.#log.warn(
        { network, head, seconds: Math.round(ageMs / 1000) },
        'the head stands still for much longer than usual',
      )
  }

  #about(upstream: UpstreamState): { network: string; upstream: string } {
    return { network: this.#network.name, upstream: upstream.name }
  }
}
