/**
 * The same bytes, copied out of a much larger buffer: what is kept must not keep the whole answer it came in. Bytes that
 * are most of their buffer stay where they are.
 */
export function ownMemory(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? Uint8Array.from(bytes) : bytes
}
