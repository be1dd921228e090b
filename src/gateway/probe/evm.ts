import { requestBody } from '../../rpc/envelope.ts'
import { classify, type ErrorEvidence } from '../../rpc/error-classes.ts'
import { parseQuantity } from '../../rpc/hex.ts'
import { scanResponse } from '../../rpc/scan-response.ts'
import { nextUpstreamId } from '../../rpc/upstream-id.ts'
import { retryAfterOf } from '../upstream/judge.ts'
import { vendorOfUpstream } from '../upstream/judge-rpc.ts'
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

/** A block names each of its transactions. */
const maxBlockBytes = 4_194_304

/** Blocks by which a head may move between two probes without being looked at twice. */
const ordinaryStep = 32

/** Reads an execution client: height and sync state each time, head, safe and finalized blocks when it has moved. */
export function evmProbe(schedule: ProbeSchedule, discreet: Discreet = openly): Probe {
  return async (upstream, askAs) => {
    const ask: Asked = { ask: askAs, discreet }
    const identity = schedule.wantsIdentity(upstream)
    const [head, syncing, known] = await Promise.all([
      readHead(upstream, ask),
      readSyncing(upstream, ask),
      identity ? readChain(upstream, ask) : undefined,
    ])
    const chain = known ?? (leaps(upstream, head) ? await readChain(upstream, ask) : undefined)
    if (chain !== undefined) schedule.identified(upstream)
    const blocks = head === upstream.head && upstream.headHash !== undefined ? {} : await readBlocks(upstream, ask)
    return { head, syncing, ...(chain === undefined ? {} : { chain }), ...blocks }
  }
}

/** How a probe asks, and how it tells what it was told. */
interface Asked {
  readonly ask: ProbeAsk
  readonly discreet: Discreet
}

/** A head that goes back or far ahead may be that of another chain: a restart can be too quick for any call to fail. */
function leaps(upstream: UpstreamState, head: number): boolean {
  return upstream.head >= 0 && (head < upstream.head || head > upstream.head + ordinaryStep)
}

async function readHead(upstream: UpstreamState, ask: Asked): Promise<number> {
  const answer = await rpc(upstream, ask, 'eth_blockNumber')
  const number = quantityOf(answer)
  if (number === undefined)
    throw nonsense(`eth_blockNumber answered ${shorten(answer, ask.discreet)} instead of a quantity`)
  return number
}

/** A node that does not know the method, or forbids it, says nothing about its state: that is no failure. */
async function readSyncing(upstream: UpstreamState, ask: Asked): Promise<string | undefined> {
  const answer = await rpc(upstream, ask, 'eth_syncing').catch(onlyRpcErrors)
  if (typeof answer !== 'object' || answer === null) return answer === true ? 'syncing' : undefined
  const { currentBlock, highestBlock } = answer as { currentBlock?: unknown; highestBlock?: unknown }
  const [current, highest] = [quantityOf(currentBlock), quantityOf(highestBlock)]
  if (current === undefined || highest === undefined) return 'syncing'
  // It indexes, or its chain has just begun: it is not behind anybody.
  return current >= highest ? undefined : `syncing: block ${current} of ${highest}`
}

async function readChain(upstream: UpstreamState, ask: Asked): Promise<string> {
  const answer = await rpc(upstream, ask, 'eth_chainId')
  if (typeof answer !== 'string' || !/^0x[0-9a-f]{1,64}$/i.test(answer)) {
    throw nonsense(`eth_chainId answered ${shorten(answer, ask.discreet)} instead of a quantity`)
  }
  return BigInt(answer).toString()
}

async function readBlocks(upstream: UpstreamState, ask: Asked): Promise<Partial<ProbeFacts>> {
  const [latest, safe, finalized] = await Promise.all(
    ['latest', 'safe', 'finalized'].map((tag) =>
      rpc(upstream, ask, 'eth_getBlockByNumber', [tag, false], maxBlockBytes).catch(onlyRpcErrors),
    ),
  )
  const bornSeconds = quantityOf((latest as { timestamp?: unknown } | null | undefined)?.timestamp)
  const born = bornSeconds === undefined ? {} : { headBornWall: bornSeconds * 1000 }
  return { headHash: hashOf(latest), ...born, safe: numberOf(safe), finalized: numberOf(finalized) }
}

function numberOf(block: unknown): number | undefined {
  return quantityOf((block as { number?: unknown } | null | undefined)?.number)
}

function quantityOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseQuantity(value) : undefined
}

function hashOf(block: unknown): string | undefined {
  const hash = (block as { hash?: unknown } | null | undefined)?.hash
  return typeof hash === 'string' && /^0x[0-9a-f]{64}$/i.test(hash) ? hash : undefined
}

class RpcRefusal extends ProbeError {}

function onlyRpcErrors(thrown: unknown): undefined {
  if (!(thrown instanceof RpcRefusal)) throw thrown
}

async function rpc(
  upstream: UpstreamState,
  { ask, discreet }: Asked,
  method: string,
  params: unknown[] = [],
  maxBytes?: number,
): Promise<unknown> {
  const id = nextUpstreamId()
  const body = requestBody(id, method, Buffer.from(JSON.stringify(params)))
  const response = await ask(upstream, { method: 'POST', target: '', body, maxBytes })
  const scanned = scanResponse(response.body, id)
  if (scanned.kind === 'notAnAnswer' && scanned.misdirected === true) response.connection?.retire()
  if (scanned.kind === 'notAnAnswer') {
    const problem = `${method}: HTTP ${response.status}, ${describePage(response, discreet) ?? scanned.problem}`
    throw new ProbeError(problem, undefined, refusalOf(upstream, method, response, undefined))
  }
  if (scanned.kind === 'error') {
    const problem = `${method} was refused: ${shorten(scanned.message, discreet)}`
    throw new RpcRefusal(problem, undefined, refusalOf(upstream, method, response, scanned))
  }
  try {
    return JSON.parse(scanned.result.toString())
  } catch (cause) {
    throw nonsense(`${method} answered broken JSON`, cause)
  }
}

function refusalOf(
  upstream: UpstreamState,
  method: string,
  { status, headers }: ProbeResponse,
  error: ErrorEvidence | undefined,
): ProbeRefusal {
  const vendor = vendorOfUpstream(upstream)
  const verdict = classify({ method, httpStatus: status, error, notAnAnswer: error === undefined, vendor })
  return { class: verdict.class, retryAfterMs: retryAfterOf(headers) }
}

function shorten(value: unknown, discreet: Discreet): string {
  const text = discreet(typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value)))
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
