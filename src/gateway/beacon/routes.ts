import type { Call } from '../../rpc/call.ts'

/** What routing has to know about a Beacon API request. */
export interface BeaconRoute {
  /** Verb and path with identifiers replaced: one of few. */
  readonly label: string
  readonly repeat: Call['repeat']
  readonly cost: Call['cost']
  /** The answer never ends: the event stream. */
  readonly endless: boolean
}

/** Path words of the Beacon API; whatever else stands in a path is an identifier. */
const words = new Set(
  `eth beacon node validator config debug events health syncing identity peers peer_count version genesis spec
  fork_schedule deposit_contract states headers blocks blinded_blocks blob_sidecars blobs pool root fork
  finality_checkpoints validators validator_balances validator_identities committees sync_committees randao attestation
  attestations attester_slashings proposer_slashings sync_committees voluntary_exits bls_to_execution_changes rewards
  light_client bootstrap updates finality_update optimistic_update duties attester proposer sync liveness attestation_data
  aggregate_attestation aggregate_and_proofs beacon_committee_subscriptions sync_committee_subscriptions
  sync_committee_contribution contribution_and_proofs prepare_beacon_proposer register_validator
  beacon_committee_selections sync_committee_selections heads fork_choice data_column_sidecars pending_deposits
  pending_partial_withdrawals pending_consolidations proposer_lookahead historical_summaries builder
  expected_withdrawals deposit_snapshot head finalized justified lodestar lighthouse teku prysm nimbus`.split(/\s+/),
)

/**
 * Requests with a body that may be sent to another node after they perhaps reached one: queries by POST, and
 * submissions that the network tells apart by their content, so that the second one changes nothing.
 */
const repeatable = [
  /^\/eth\/v\d\/beacon\/pool\//,
  /^\/eth\/v\d\/beacon\/(?:blocks|blinded_blocks)$/,
  /^\/eth\/v\d\/beacon\/states\/[^/]+\/validator/,
  /^\/eth\/v\d\/beacon\/rewards\//,
  /^\/eth\/v\d\/validator\/(?:duties|liveness|aggregate_and_proofs|contribution_and_proofs|beacon_committee_subscriptions|sync_committee_subscriptions|prepare_beacon_proposer|register_validator|beacon_committee_selections|sync_committee_selections)/,
]

/**
 * The route of a request.
 *
 * @example beaconRoute('GET', '/eth/v2/beacon/blocks/0xab').label // 'GET /eth/v2/beacon/blocks/{id}'
 */
export function beaconRoute(verb: string, path: string): BeaconRoute {
  const segments = path.split('/').filter((segment) => segment !== '')
  const known = segments[0] === 'eth' && /^v\d$/.test(segments[1] ?? '') && segments.length <= 8
  const named = segments.map((segment) => (words.has(segment) || /^v\d$/.test(segment) ? segment : '{id}'))
  return {
    label: known ? `${verb} /${named.join('/')}` : 'other',
    repeat: verb === 'GET' || verb === 'HEAD' || repeatable.some((pattern) => pattern.test(path)) ? 'safe' : 'never',
    cost: costOf(segments),
    endless: /^\/eth\/v\d\/events$/.test(path),
  }
}

function costOf(segments: readonly string[]): Call['cost'] {
  if (segments.includes('debug') || segments.includes('rewards')) return 'heavy'
  if (segments.includes('node') || segments.includes('config')) return 'light'
  return segments.includes('validators') || segments.includes('states') ? 'heavy' : 'medium'
}
