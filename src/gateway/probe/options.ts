/** How upstreams are watched. */
export interface ProbeOptions {
  /** Time between two probes of one upstream, ± at most 10 % of jitter. */
  readonly intervalMs: number
  /** Longest wait for one probe request. */
  readonly timeoutMs: number
  /** Distance to the network head, in blocks or slots, that still passes. */
  readonly maxLagBlocks: number
  /** Failed probes in a row before an upstream is unhealthy. */
  readonly maxFailures: number
}

export const evmProbeDefaults: ProbeOptions = { intervalMs: 1000, timeoutMs: 5000, maxLagBlocks: 5, maxFailures: 3 }
export const beaconProbeDefaults: ProbeOptions = { ...evmProbeDefaults, maxLagBlocks: 3 }
