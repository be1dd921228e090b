/** As much of the status snapshot as the demo tells of. */
export interface NarratedSnapshot {
  readonly networks: Readonly<Record<string, NarratedNetwork>>
}

export interface NarratedNetwork {
  readonly failoverActive: boolean
  readonly upstreams: readonly NarratedUpstream[]
}

export interface NarratedUpstream {
  readonly name: string
  readonly eligible: boolean
  /** Why it is not eligible. */
  readonly reason?: string | null | undefined
}

/**
 * What changed between two snapshots, in sentences: upstreams lost and returned, failover begun and ended. Heads are
 * left out, they change all the time.
 */
export function changesBetween(before: NarratedSnapshot, now: NarratedSnapshot): string[] {
  return Object.entries(now.networks).flatMap(([name, network]) => {
    const earlier = before.networks[name]
    return earlier === undefined ? [] : [...upstreamChanges(earlier, network), ...failoverChange(earlier, network)]
  })
}

function upstreamChanges(before: NarratedNetwork, now: NarratedNetwork): string[] {
  const wasEligible = new Map(before.upstreams.map(({ name, eligible }) => [name, eligible]))
  return now.upstreams.flatMap(({ name, eligible, reason }) => {
    if (wasEligible.get(name) === eligible) return []
    if (eligible) return [`gateway: ${name} takes calls`]
    return [`gateway: ${name} takes no calls${reason ? ` (${reason})` : ''}`]
  })
}

function failoverChange(before: NarratedNetwork, now: NarratedNetwork): string[] {
  if (before.failoverActive === now.failoverActive) return []
  return [now.failoverActive ? 'gateway: failover to the backup' : 'gateway: back to the primary']
}
