import type { Socket } from 'node:net'

/** Ends a chunked body. */
export const lastChunk: Buffer = Buffer.from('0\r\n\r\n', 'latin1')

const lineEnd: Buffer = Buffer.from('\r\n', 'latin1')
/** Up to here a chunk is copied between its size line and its end; above, three buffers go out in one system call. */
const copied = 16_384

/** Writes one chunk of a chunked body; false when the socket asks to wait. `bytes` must not be empty: that would end the body. */
export function frameChunk(socket: Socket, bytes: Buffer): boolean {
  const size = `${bytes.length.toString(16)}\r\n`
  if (bytes.length > copied) return writeParts(socket, size, bytes)
  const framed = Buffer.allocUnsafe(size.length + bytes.length + 2)
  framed.write(size, 0, 'latin1')
  framed.set(bytes, size.length)
  framed.set(lineEnd, size.length + bytes.length)
  return socket.write(framed)
}

function writeParts(socket: Socket, size: string, bytes: Buffer): boolean {
  socket.cork()
  socket.write(size, 'latin1')
  socket.write(bytes)
  const more = socket.write(lineEnd)
  socket.uncork()
  return more
}

/** Head and body in one buffer: up to some size, one copy is cheaper than a second buffer in the system call. */
export function join(head: string, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length)
  bytes.write(head, 0, head.length, 'latin1')
  bytes.set(body, head.length)
  return bytes
}
