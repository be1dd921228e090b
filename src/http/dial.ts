import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { readBuffer } from './read-buffer.ts'
import { CarrierError } from './types.ts'

/** Takes what a socket read. When not `owned`, the bytes are overwritten after the return. */
export type Take = (bytes: Buffer, length: number, owned: boolean) => void

/** How far a new connection has come. */
export interface Dialled {
  readonly socket: Socket
  /** The event of a connection that is ready for the first request. */
  readonly readyEvent: 'connect' | 'secureConnect'
}

/** Begins to connect to an origin. Certificates are verified against the host name. */
export function openSocket(origin: URL, take: Take): Dialled {
  const host = origin.hostname.startsWith('[') ? origin.hostname.slice(1, -1) : origin.hostname
  return origin.protocol === 'https:' ? openTls(origin, host, take) : openTcp(origin, host, take)
}

function openTcp(origin: URL, host: string, take: Take): Dialled {
  const callback = (length: number, bytes: Uint8Array): boolean => {
    take(bytes as Buffer, length, false)
    return true
  }
  const port = Number(origin.port || 80)
  const socket = connect({ host, port, noDelay: true, onread: { buffer: readBuffer, callback } })
  return { socket, readyEvent: 'connect' }
}

function openTls(origin: URL, host: string, take: Take): Dialled {
  const port = Number(origin.port || 443)
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const socket = connectTls({ host, port, ALPNProtocols: ['http/1.1'], ...servername })
  socket.setNoDelay(true)
  socket.on('data', (bytes) => take(bytes, bytes.length, true))
  return { socket, readyEvent: 'secureConnect' }
}

/** Why a connection did not come about. `tcpDone` says that only the TLS handshake was missing. */
export function dialError(origin: URL, tcpDone: boolean, cause: Error | undefined): CarrierError {
  const { host } = origin
  if (tcpDone) return new CarrierError('TLS_FAILED', `The TLS handshake with ${host} failed.`, false, cause)
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED') {
    return new CarrierError('CONNECT_REFUSED', `${host} refused the connection.`, false, cause)
  }
  return new CarrierError('CONNECT_FAILED', `No connection to ${host} could be made.`, false, cause)
}
