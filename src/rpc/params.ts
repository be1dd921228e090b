/**
 * The first positional parameter when it is a string; undefined otherwise. Only simple strings count: none of ours
 * (hashes, raw transactions, filter ids) needs an escape.
 *
 * @example firstString(Buffer.from('["0xab", 1]')) // '0xab'
 */
export function firstString(params: Buffer | undefined): string | undefined {
  if (params === undefined) return undefined
  const match = /^\s*\[\s*"$/.exec(params.toString('latin1', 0, params.indexOf(0x22) + 1))
  if (match === null) return undefined
  const start = match[0].length
  const end = params.indexOf(0x22, start)
  const text = params.toString('latin1', start, end)
  return end < 0 || text.includes('\\') ? undefined : text
}

/** The same params with the first string replaced. */
export function withFirstString(params: Buffer, text: string): Buffer {
  const start = params.indexOf(0x22) + 1
  const end = params.indexOf(0x22, start)
  return Buffer.concat([params.subarray(0, start), Buffer.from(text), params.subarray(end)])
}
