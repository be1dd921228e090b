/** What a node says is wrong with a request, or with each part of one that was published in parts. */
export function complaintsOf(body: Buffer): string[] {
  const text = body.toString()
  const { message, failures } = parsed(text)
  const each = Array.isArray(failures) ? failures.map((failure) => textOf((failure as Said | null)?.message)) : []
  return each.length > 0 ? each : [typeof message === 'string' ? message : text]
}

interface Said {
  readonly message?: unknown
  readonly failures?: unknown
}

function parsed(text: string): Said {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/**
 * Words of a node whose clock or head is behind its client's: Lighthouse `FutureSlot`, `UnknownHeadBlock`; Teku "… is in the
 * future"; Prysm "… future epoch"; Lodestar `UNKNOWN_BEACON_BLOCK_ROOT`.
 */
const behind =
  /future|too early|too far ahead|ahead of (?:the )?(?:current|head|clock|wall)|greater than (?:the )?current|is (?:syncing|optimistic)|unknown.{0,14}(?:block|root|parent|head|target)|(?:parent|block|root).{0,14}unknown/i

/** Words for what a node has already: Lighthouse `PriorAttestationKnown`, Teku "already seen", Lodestar `…_ALREADY_KNOWN`. */
const known =
  /already.{0,24}(?:known|seen|imported|exist|published|received|processed|included|observed|pool)|prior\w*known|duplicate|known already/i

/** The node does not know yet what another may know. */
export function isBehind(complaints: readonly string[]): boolean {
  return complaints.some((complaint) => behind.test(complaint))
}

/** The node has all of it already. */
export function isKnown(complaints: readonly string[]): boolean {
  return complaints.every((complaint) => known.test(complaint))
}
