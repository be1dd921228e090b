import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** One test file of the execution-apis specification. */
export interface ExecutionApisVector {
  /** `METHOD/NAME`. */
  readonly name: string
  readonly comment: string
  /** JSON texts, byte for byte as in the file. */
  readonly exchanges: readonly { readonly request: string; readonly response: string }[]
}

/**
 * All 156 vectors, by name.
 *
 * @example for (const { name, exchanges } of loadExecutionApisVectors()) …
 */
export function loadExecutionApisVectors(): readonly ExecutionApisVector[] {
  const packed = readFileSync(new URL('./execution-apis/vectors.json.gz', import.meta.url))
  return JSON.parse(gunzipSync(packed).toString()) as ExecutionApisVector[]
}
