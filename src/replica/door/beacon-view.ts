import type { SealedCommit } from '../../consensus/types.ts'
import { commitLag } from '../metrics.ts'
import type { ReplicaStatus } from '../status.ts'

/*
 * The committee as a beacon node would show it, so that whatever watches beacon nodes can watch a validator: a commit
 * is a slot that is final at once, its digest the root.
 */

const zeroRoot = `0x${'00'.repeat(32)}`
const zeroSignature = `0x${'00'.repeat(96)}`
/** Commits behind a quorum that are no more than the votes being under way. */
const tolerated = 10

/** Whether the validator is catching up, or does not know yet where the committee is. */
export function isSyncing(status: ReplicaStatus): boolean {
  return commitLag(status) > tolerated || status.asksForOwnRound
}

/** Status of `GET /eth/v1/node/health`: 200 in step, 206 catching up, 503 without a peer. */
export function healthStatus(status: ReplicaStatus): 200 | 206 | 503 {
  const alone = status.peers.length > 0 && !status.peers.some(({ connected }) => connected)
  if (alone) return 503
  return isSyncing(status) ? 206 : 200
}

/** Body of `GET /eth/v1/node/syncing`. */
export function syncingBody(status: ReplicaStatus): object {
  return {
    data: {
      head_slot: `${status.lastCommit.index}`,
      sync_distance: `${commitLag(status)}`,
      is_syncing: isSyncing(status),
      is_optimistic: false,
      el_offline: false,
    },
  }
}

/** Body of `GET /eth/v1/beacon/headers/head`; undefined before the first commit. */
export function headBody(head: SealedCommit | undefined): object | undefined {
  if (head === undefined) return undefined
  const { commit, ref } = head
  const root = `0x${ref.digest}`
  const message = {
    slot: `${ref.index}`,
    proposer_index: `${commit.leader.author}`,
    parent_root: `0x${commit.previousDigest}`,
    state_root: zeroRoot,
    body_root: root,
  }
  return {
    execution_optimistic: false,
    finalized: true,
    data: { root, canonical: true, header: { message, signature: zeroSignature } },
  }
}
