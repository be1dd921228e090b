const QUOTE = 0x22
const ZERO = 0x30
const NINE = 0x39
const LOWER_N = 0x6e
// Some nodes read ids into 32 bits.
const highest = 0x7fffffff

let last = 0

/** An id for one request to an upstream: no other request that is under way has it. */
export function nextUpstreamId(): number {
  last = last === highest ? 1 : last + 1
  return last
}

/**
 * Whether an answer's id is the one that was asked with. The number as a string passes, as some nodes write it, and null,
 * which is what JSON-RPC 2.0 §5 has for errors in a request that could not be read.
 *
 * @param text raw JSON that holds the id from `from` to `end`
 */
export function isSameId(text: Buffer, from: number, end: number, id: number): boolean {
  if (text[from] === LOWER_N) return true
  if (text[from] === QUOTE) {
    from++
    end--
  }
  let value = 0
  for (let at = from; at < end; at++) {
    const byte = text[at]!
    if (byte < ZERO || byte > NINE) return Number(text.toString('latin1', from, Math.min(end, from + 32))) === id
    value = value * 10 + (byte - ZERO)
  }
  return value === id
}
