import type { Call } from '../../rpc/call.ts'
import { plainPath } from './plain-path.ts'

/** What routing has to know about a Beacon API request. */
export interface BeaconRoute {
  /** Verb and path with identifiers replaced: one of few. */
  readonly label: string
  readonly repeat: Call['repeat']
  readonly cost: Call['cost']
  /** The answer never ends: the event stream. */
  readonly endless: boolean
  /** Every node must know this: what it says of validators is kept by the node that was told, and by no other. */
  readonly everyone: boolean
  /** How long its node is waited for before another is asked; undefined: as long as the history says. */
  readonly patienceMs: number | undefined
}

/**
 * Paths of the Beacon API below its version, with identifiers as `{id}`. Only these become labels: a client that makes up
 * paths must not be able to make up metrics.
 */
const paths = new Set(
  `node/health node/syncing node/identity node/peers node/peers/{id} node/peer_count node/version
  config/spec config/fork_schedule config/deposit_contract events
  beacon/genesis beacon/headers beacon/headers/{id} beacon/blocks beacon/blocks/{id} beacon/blocks/{id}/root
  beacon/blocks/{id}/attestations beacon/blinded_blocks beacon/blinded_blocks/{id} beacon/blob_sidecars/{id}
  beacon/blobs/{id} beacon/deposit_snapshot beacon/rewards/blocks/{id} beacon/rewards/attestations/{id}
  beacon/rewards/sync_committee/{id} beacon/pool/attestations beacon/pool/attester_slashings
  beacon/pool/proposer_slashings beacon/pool/sync_committees beacon/pool/voluntary_exits
  beacon/pool/bls_to_execution_changes beacon/states/{id}/root beacon/states/{id}/fork
  beacon/states/{id}/finality_checkpoints beacon/states/{id}/validators beacon/states/{id}/validators/{id}
  beacon/states/{id}/validator_balances beacon/states/{id}/validator_identities beacon/states/{id}/committees
  beacon/states/{id}/sync_committees beacon/states/{id}/randao beacon/states/{id}/pending_deposits
  beacon/states/{id}/pending_partial_withdrawals beacon/states/{id}/pending_consolidations
  beacon/states/{id}/proposer_lookahead beacon/light_client/bootstrap/{id} beacon/light_client/updates
  beacon/light_client/finality_update beacon/light_client/optimistic_update
  builder/states/{id}/expected_withdrawals debug/beacon/states/{id} debug/beacon/heads debug/fork_choice
  debug/beacon/data_column_sidecars/{id}
  validator/duties/attester/{id} validator/duties/proposer/{id} validator/duties/sync/{id} validator/liveness/{id}
  validator/blocks/{id} validator/blinded_blocks/{id} validator/attestation_data validator/aggregate_attestation
  validator/aggregate_and_proofs validator/beacon_committee_subscriptions validator/sync_committee_subscriptions
  validator/sync_committee_contribution validator/contribution_and_proofs validator/prepare_beacon_proposer
  validator/register_validator validator/beacon_committee_selections validator/sync_committee_selections`.split(/\s+/),
)
const words = new Set([...paths].flatMap((path) => path.split('/')).filter((word) => word !== '{id}'))
const verbs = new Set(['GET', 'HEAD', 'POST'])

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

const production = /^\/eth\/v\d\/validator\/(?:blocks|blinded_blocks)\/[^/]+$/
const everyones =
  /^\/eth\/v\d\/validator\/(?:prepare_beacon_proposer|register_validator|beacon_committee_subscriptions|sync_committee_subscriptions)$/

/**
 * The route of a request.
 *
 * @param spelled its path as the client wrote it, without the query
 * @param produceMs how long a node may take to produce a block: the answer of another one costs the bid of its builder
 *
 * @example beaconRoute('GET', '/eth/v2/beacon/blocks/0xab').label // 'GET /eth/v2/beacon/blocks/{id}'
 */
export function beaconRoute(verb: string, spelled: string, produceMs?: number): BeaconRoute {
  const path = plainPath(spelled)
  const segments = path.split('/').filter((segment) => segment !== '')
  const endless = verb === 'GET' && /^\/eth\/v\d\/events$/.test(path)
  return {
    label: labelOf(verb, segments),
    repeat: verb === 'GET' || verb === 'HEAD' || repeatable.some((pattern) => pattern.test(path)) ? 'safe' : 'never',
    cost: costOf(segments),
    endless,
    everyone: verb === 'POST' && everyones.test(path),
    patienceMs: endless ? Number.POSITIVE_INFINITY : verb === 'GET' && production.test(path) ? produceMs : undefined,
  }
}

function labelOf(verb: string, [eth, version = '', ...rest]: readonly string[]): string {
  if (eth !== 'eth' || !/^v\d$/.test(version) || !verbs.has(verb)) return 'other'
  const named = rest.map((segment) => (words.has(segment) ? segment : '{id}')).join('/')
  // `genesis` is a path of its own and a name for a block.
  const path = paths.has(named) ? named : named.replace('/genesis', '/{id}')
  return paths.has(path) ? `${verb} /eth/${version}/${path}` : 'other'
}

function costOf(segments: readonly string[]): Call['cost'] {
  if (segments.includes('debug') || segments.includes('rewards')) return 'heavy'
  if (segments.includes('node') || segments.includes('config')) return 'light'
  return segments.includes('validators') || segments.includes('states') ? 'heavy' : 'medium'
}
