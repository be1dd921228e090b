import type { RpcCall } from '../../rpc/call.ts'

/** What a call that reads logs asks for. */
export type LogFilter = Readonly<Record<string, unknown>>

/** The filter of a call; undefined where its parameters hold none. */
export function filterOf(call: RpcCall): LogFilter | undefined {
  const params: unknown = call.params === undefined ? undefined : JSON.parse(call.params.toString())
  const filter: unknown = Array.isArray(params) ? params[0] : undefined
  return typeof filter === 'object' && filter !== null && !Array.isArray(filter) ? (filter as LogFilter) : undefined
}
