import { askAt } from '../../../src/cli/demo-rpc.ts'
import { realClock } from '../../../src/core/clock.ts'
import type { Sample } from './load.ts'

/** Asks one node or the gateway directly. */
export const ask = <T>(url: string, method: string, params: unknown[] = []): Promise<T> =>
  askAt(url, realClock, 5000)<T>(method, params)

/** A JSON-RPC call whose result has to pass a check. */
export function rpcSample(method: string, params: unknown[], wrong: (result: unknown) => string | undefined): Sample {
  return {
    method: 'POST',
    path: '/',
    body: (id) => JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    check: (body, id) => {
      const answer = JSON.parse(body) as { id?: unknown; result?: unknown; error?: { message: string } }
      if (answer.id !== id) return `${method}: id ${JSON.stringify(answer.id)} instead of ${id}`
      if (answer.error !== undefined) return `${method}: error ${answer.error.message}`
      const problem = wrong(answer.result)
      return problem === undefined ? undefined : `${method}: ${problem}`
    },
  }
}

/** A result that must be equal to what the node itself says now. */
export async function fixedSample(node: string, method: string, params: unknown[]): Promise<Sample> {
  const expected = JSON.stringify(await ask(node, method, params))
  return rpcSample(method, params, (result) => {
    const got = JSON.stringify(result)
    return got === expected ? undefined : `${got?.slice(0, 120)} instead of ${expected.slice(0, 120)}`
  })
}

/** Reads of every sort, for a node whose first blocks stay as they are. */
export async function mixedReads(node: string, account: string): Promise<Sample[]> {
  return [
    heightSample(),
    await fixedSample(node, 'eth_chainId', []),
    await fixedSample(node, 'eth_getBalance', [account, '0x0']),
    await fixedSample(node, 'eth_getBlockByNumber', ['0x1', true]),
    await fixedSample(node, 'eth_getTransactionCount', [account, 'latest']),
    await fixedSample(node, 'eth_call', [{ to: account, data: '0x' }, 'latest']),
    await fixedSample(node, 'eth_getBlockReceipts', ['0x1']),
    headSample(),
  ]
}

/** The newest height: far behind what was once answered would be a step back in time. */
function heightSample(): Sample {
  let highest = 0
  return rpcSample('eth_blockNumber', [], (result) => {
    const height = Number(result)
    if (!Number.isSafeInteger(height)) return `${JSON.stringify(result)} is no height`
    if (height < highest - 10) return `${height} after ${highest}`
    highest = Math.max(highest, height)
    return undefined
  })
}

function headSample(): Sample {
  return rpcSample('eth_getBlockByNumber', ['latest', false], (result) => {
    const { hash, number } = (result ?? {}) as { hash?: unknown; number?: unknown }
    return /^0x[0-9a-f]{64}$/.test(String(hash)) && Number(number) > 0 ? undefined : `${JSON.stringify(result)}`
  })
}
