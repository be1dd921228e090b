import type { Json } from './el-chain.ts'

/** One JSON-RPC call as a node saw it. */
export interface SeenCall {
  readonly method: string
  readonly params: Json
  readonly id: Json | undefined
  /** The id as its JSON text; undefined for a notification. */
  readonly rawId: string | undefined
  readonly transport: 'http' | 'ws'
  /** Members in the batch it came in; 0 when it came alone. */
  readonly batch: number
  /** Raw HTTP headers: name, value, name, value …; empty over WebSocket. */
  readonly headers: readonly string[]
  /** The whole body or message it came in. */
  readonly body: string
  readonly at: number
}

interface Incoming {
  readonly body: Buffer
  readonly headers: readonly string[]
  readonly at: number
}

/** The calls of a body, or undefined when it is not JSON or holds no call at all. */
export function parseCalls(
  incoming: Incoming,
  transport: SeenCall['transport'],
): { batch: boolean; calls: SeenCall[] } | undefined {
  const body = incoming.body.toString()
  const parsed = parsedOrUndefined(body)
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const members = Array.isArray(parsed) ? parsed : [parsed]
  const batch = Array.isArray(parsed) ? members.length : 0
  const calls = members.map((member) => ({
    ...callIn(member),
    transport,
    batch,
    headers: incoming.headers,
    body,
    at: incoming.at,
  }))
  return { batch: Array.isArray(parsed), calls }
}

function callIn(member: unknown): Pick<SeenCall, 'method' | 'params' | 'id' | 'rawId'> {
  const fields = (typeof member === 'object' && member !== null ? member : {}) as Record<string, Json>
  const rawId = 'id' in fields ? JSON.stringify(fields['id']) : undefined
  return { method: String(fields['method'] ?? ''), params: fields['params'] ?? [], id: fields['id'], rawId }
}

interface SourceText {
  readonly source?: string
}
type SourceReviver = (key: string, value: unknown, context: SourceText) => unknown

/** Numbers that are ids keep their text: a node that rounds a large id would hide a gateway that does. */
function parsedOrUndefined(text: string): unknown {
  const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON
  const keepIds: SourceReviver = (key, value, { source }) =>
    key === 'id' && typeof value === 'number' && source !== undefined ? rawJson(source) : value
  try {
    return JSON.parse(text, keepIds as (key: string, value: unknown) => unknown)
  } catch {
    return undefined
  }
}

/** A result in its envelope; `id` and `result` are JSON texts. */
export function envelope(id: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`
}

export function errorText(id: string, code: number, message: string, data?: Json): string {
  const error = JSON.stringify({ code, message, ...(data === undefined ? {} : { data }) })
  return `{"jsonrpc":"2.0","id":${id},"error":${error}}`
}
