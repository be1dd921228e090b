import type { Clock } from '../core/clock.ts'
import { DrawbridgeError, messageOf } from '../core/errors.ts'

/** Calls one node: the method's result, or a thrown {@link DrawbridgeError}. */
export type Ask = <T>(method: string, params?: readonly unknown[]) => Promise<T>

/** As much of a block as the demo looks at. */
export interface DemoBlock {
  readonly number: string
  readonly hash: string
  readonly timestamp: string
  readonly baseFeePerGas: string
  readonly transactions: readonly (string | { readonly hash: string })[]
}

/**
 * A small JSON-RPC caller that gives a silent node up after `timeoutMs`.
 *
 * @example
 * const head = await askAt('http://127.0.0.1:8545', clock, 1000)<string>('eth_blockNumber')
 */
export function askAt(url: string, clock: Clock, timeoutMs: number): Ask {
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    const silent = new AbortController()
    const timer = clock.after(timeoutMs, () => silent.abort())
    try {
      return await call<T>(url, method, params, silent.signal)
    } catch (error) {
      throw new DrawbridgeError('NODE_FAILED', `${method} failed: ${messageOf(error)}`, { cause: error })
    } finally {
      clock.clear(timer)
    }
  }
}

async function call<T>(url: string, method: string, params: readonly unknown[], signal: AbortSignal): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body, signal })
  const answer = (await response.json()) as { result?: T; error?: { message?: string } }
  if (answer.error !== undefined) throw new Error(answer.error.message ?? 'the node answered an error')
  return answer.result as T
}

/** The block at a number, as a quantity or a tag; null when there is none. */
export function blockAt(ask: Ask, reference: number | 'latest', whole = false): Promise<DemoBlock | null> {
  const tag = typeof reference === 'number' ? `0x${reference.toString(16)}` : reference
  return ask<DemoBlock | null>('eth_getBlockByNumber', [tag, whole])
}
