import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Pool } from 'undici'

/** Sends one call and resolves with the body of its answer; rejects with the system's code. */
export interface RestartClient {
  readonly name: string
  post(body: string): Promise<string>
  close(): void
}

const headers = { 'content-type': 'application/json' }

/** Node's own client with kept-alive connections. */
export function agentClient(port: number): RestartClient {
  const agent = new Agent({ keepAlive: true })
  const post = (body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, path: '/', method: 'POST', headers, agent })
      outgoing.on('error', reject)
      outgoing.on('response', (message) => {
        let text = ''
        message.on('data', (chunk) => (text += chunk))
        message.on('error', reject)
        message.on('end', () => resolve(text))
      })
      outgoing.end(body)
    })
  return { name: 'node:http', post, close: () => agent.destroy() }
}

/** The client behind `fetch`. */
export function undiciClient(port: number): RestartClient {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 8 })
  const post = async (body: string): Promise<string> => {
    const { body: answer } = await pool.request({ path: '/', method: 'POST', headers, body })
    return answer.text()
  }
  return { name: 'undici', post, close: () => void pool.destroy() }
}

/** One connection, used until it is told to close; calls wait for each other. */
export function rawClient(port: number): RestartClient {
  let socket: Socket | undefined
  let last: Promise<unknown> = Promise.resolve()
  const post = (body: string): Promise<string> => {
    const mine = last.then(async () => {
      // A server may close what is idle.
      if (socket === undefined || socket.readableEnded || socket.destroyed) socket = await open(port)
      const head = `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
      const { text, close } = await exchange(socket, head + body).catch((error) => {
        socket = undefined
        throw error
      })
      if (close) {
        socket.destroy()
        socket = undefined
      }
      return text
    })
    last = mine.catch(() => {})
    return mine
  }
  return { name: 'raw', post, close: () => socket?.destroy() }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

function exchange(socket: Socket, text: string): Promise<{ text: string; close: boolean }> {
  return new Promise((resolve, reject) => {
    let received = ''
    const fail = (error?: unknown): void => reject(error instanceof Error ? error : new Error('closed unanswered'))
    socket.once('close', fail)
    socket.once('error', fail)
    socket.on('data', function take(chunk) {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1])
      if (end < 0 || received.length < end + 4 + length) return
      socket.off('data', take).off('close', fail).off('error', fail)
      resolve({ text: received.slice(end + 4), close: /\r\nconnection: close/i.test(received.slice(0, end)) })
    })
    socket.write(text)
  })
}
