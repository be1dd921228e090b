import type { RawHeaders } from '../../http/types.ts'
import { retryAfterOf } from '../upstream/judge.ts'
import type { ProbeRefusal } from '../upstream/refused-probe.ts'
import type { UpstreamState } from '../upstream/state.ts'
import {
  type Discreet,
  nonsense,
  openly,
  type Probe,
  type ProbeAsk,
  ProbeError,
  type ProbeFacts,
  type ProbeResponse,
  type ProbeSchedule,
} from './ask.ts'
import { describePage } from './page.ts'

/**
 * Reads a beacon node: health, its own view of its sync state (some answer 200 to health while syncing), head slot, and
 * the finality checkpoints when the head has moved.
 *
 * @param byChainId compare DEPOSIT_CHAIN_ID of the node's config; otherwise the genesis validators root is its identity
 */
export function beaconProbe(schedule: ProbeSchedule, byChainId: boolean, discreet: Discreet = openly): Probe {
  let slotsPerEpoch: number | undefined
  return async (upstream, askAs) => {
    const ask: Asked = { ask: askAs, discreet }
    const [unwell, syncing, head, identity] = await Promise.all([
      readHealth(upstream, ask),
      readSyncing(upstream, ask),
      readHead(upstream, ask),
      schedule.wantsIdentity(upstream) ? readIdentity(upstream, ask, byChainId) : undefined,
    ])
    if (identity !== undefined) schedule.identified(upstream)
    if (identity?.slotsPerEpoch !== undefined) slotsPerEpoch = identity.slotsPerEpoch
    const moved = head.number !== upstream.head
    const finality = moved && slotsPerEpoch !== undefined ? await readFinality(upstream, ask, slotsPerEpoch) : {}
    return {
      head: head.number,
      headHash: head.root,
      syncing: syncing ?? unwell,
      ...(identity?.chain === undefined ? {} : { chain: identity.chain }),
      ...finality,
    }
  }
}

async function readHealth(upstream: UpstreamState, ask: Asked): Promise<string | undefined> {
  const { status, headers } = await get(upstream, ask, '/eth/v1/node/health')
  if (status === 200) return undefined
  if (status === 206) return 'syncing (health 206)'
  throw new ProbeError(`/eth/v1/node/health answered HTTP ${status}`, undefined, refusalOf(status, headers))
}

/** GET /eth/v1/node/syncing of the Beacon API: is_syncing, is_optimistic and el_offline each mean "not fit". */
async function readSyncing(upstream: UpstreamState, ask: Asked): Promise<string | undefined> {
  const response = await get(upstream, ask, '/eth/v1/node/syncing')
  if (response.status === 404) return undefined
  const data = dataOf(response, '/eth/v1/node/syncing') as Record<string, unknown>
  if (data['is_syncing'] === true) return `syncing: ${textOf(data['sync_distance']) ?? '?'} slots to go`
  if (data['el_offline'] === true) return 'its execution client is offline'
  if (data['is_optimistic'] === true) return 'optimistic: its execution client has not verified the head'
  return undefined
}

async function readHead(upstream: UpstreamState, ask: Asked): Promise<{ number: number; root: string | undefined }> {
  const path = '/eth/v1/beacon/headers/head'
  const data = dataOf(await get(upstream, ask, path), path) as {
    root?: unknown
    header?: { message?: { slot?: unknown } }
  }
  const slot = data.header?.message?.slot
  if (typeof slot !== 'string' || !/^\d{1,15}$/.test(slot)) throw nonsense(`${path} has no decimal slot`)
  return { number: Number(slot), root: typeof data.root === 'string' ? data.root : undefined }
}

interface Identity {
  readonly chain: string | undefined
  /** Presets differ: 32 on public networks, 8 in the minimal preset. */
  readonly slotsPerEpoch: number | undefined
}

async function readIdentity(upstream: UpstreamState, ask: Asked, byChainId: boolean): Promise<Identity> {
  const [spec, genesis]: Record<string, unknown>[] = await Promise.all([
    readOptional(upstream, ask, '/eth/v1/config/spec'),
    byChainId ? {} : readOptional(upstream, ask, '/eth/v1/beacon/genesis'),
  ])
  const chain = byChainId ? spec?.['DEPOSIT_CHAIN_ID'] : genesis?.['genesis_validators_root']
  const slots = Number(textOf(spec?.['SLOTS_PER_EPOCH']))
  return {
    chain: textOf(chain),
    slotsPerEpoch: Number.isSafeInteger(slots) && slots > 0 ? slots : undefined,
  }
}

async function readOptional(upstream: UpstreamState, ask: Asked, path: string): Promise<Record<string, unknown>> {
  const response = await get(upstream, ask, path)
  return response.status === 200 ? (dataOf(response, path) as Record<string, unknown>) : {}
}

async function readFinality(upstream: UpstreamState, ask: Asked, slots: number): Promise<Partial<ProbeFacts>> {
  const path = '/eth/v1/beacon/states/head/finality_checkpoints'
  const data = (await readOptional(upstream, ask, path)) as Record<string, { epoch?: unknown } | undefined>
  return { safe: slotOf(data['current_justified']?.epoch, slots), finalized: slotOf(data['finalized']?.epoch, slots) }
}

/** A root, or a number of 256 bits. */
const longestText = 80

/** Numbers of the Beacon API are strings; some nodes write them bare. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  return text === undefined || text.length > longestText ? undefined : text
}

function slotOf(epoch: unknown, slots: number): number | undefined {
  return typeof epoch === 'string' && /^\d{1,12}$/.test(epoch) ? Number(epoch) * slots : undefined
}

/** How a probe asks, and how it tells what it was told. */
interface Asked {
  readonly ask: ProbeAsk
  readonly discreet: Discreet
}

interface Told extends ProbeResponse {
  readonly discreet: Discreet
}

async function get(upstream: UpstreamState, { ask, discreet }: Asked, target: string): Promise<Told> {
  const response = await ask(upstream, { method: 'GET', target, body: undefined, maxBytes: 262_144 })
  return { ...response, discreet }
}

const classes: ReadonlyMap<number, ProbeRefusal['class']> = new Map([
  [401, 'AUTH'],
  [402, 'BILL'],
  [403, 'AUTH'],
  [429, 'RATE'],
])

function refusalOf(status: number, headers: RawHeaders): ProbeRefusal {
  return { class: classes.get(status) ?? 'NODE', retryAfterMs: retryAfterOf(headers) }
}

function pageOf(response: Told): string {
  const page = describePage(response, response.discreet)
  return page === undefined ? '' : `, ${page}`
}

function dataOf(response: Told, path: string): object {
  if (response.status !== 200) {
    const { status, headers } = response
    throw new ProbeError(`${path} answered HTTP ${status}${pageOf(response)}`, undefined, refusalOf(status, headers))
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(response.body.toString())
  } catch (cause) {
    throw new ProbeError(
      `${path} answered no JSON${pageOf(response)}`,
      cause,
      refusalOf(response.status, response.headers),
    )
  }
  const data = (parsed as { data?: unknown } | null)?.data
  if (typeof data !== 'object' || data === null) throw nonsense(`${path} answered JSON without data`)
  return data
}
