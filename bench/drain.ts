import { spawnSync } from 'node:child_process'
import { agentClient, type RestartClient, rawClient, undiciClient } from '../test/e2e/restart-clients.ts'
import { freePort, type Running, Workshop, wait } from './processes.ts'

/**
 * What clients lose when the gateway is restarted under load, beside nginx where it is installed: connections kept alive
 * by node:http, undici and bare sockets, a call after the other on each. A refused connection counts as waiting, as every
 * client does that knows of restarts; a call that was sent and not answered counts as lost.
 *
 *   npm run bench drain [-- --rounds 12]
 */
export async function benchDrain({ restarts }: { readonly restarts: number }): Promise<void> {
  const shop = new Workshop()
  try {
    const node = await shop.node()
    const proxies: [name: string, start: (port: number) => Promise<Running>, signal: NodeJS.Signals][] = [
      ['drawbridge', (port) => shop.gateway([node.port], port), 'SIGTERM'],
    ]
    const hasNginx = spawnSync('which', ['nginx']).status === 0
    if (hasNginx) proxies.push(['nginx', (port) => shop.nginx(node.port, port), 'SIGQUIT'])
    else console.log('nginx is not installed: no reference')
    const rows = []
    for (const [name, start, signal] of proxies) rows.push({ name, ...(await restart(start, signal, restarts)) })
    console.table(rows)
  } finally {
    shop.close()
  }
}

interface Figures {
  calls: number
  lost: number
  /** Longest time from the signal to the end of the process. */
  slowestEndMs: number
}

async function restart(
  start: (port: number) => Promise<Running>,
  signal: NodeJS.Signals,
  restarts: number,
): Promise<Figures> {
  const port = await freePort()
  const figures: Figures = { calls: 0, lost: 0, slowestEndMs: 0 }
  let running = await start(port)
  const clients = [agentClient(port), undiciClient(port), ...Array.from({ length: 8 }, () => rawClient(port))]
  let calling = true
  const callers = clients.flatMap((client) =>
    Array.from({ length: client.name === 'raw' ? 1 : 8 }, () => keepCalling(client, figures, () => calling)),
  )
  for (let n = 0; n < restarts; n++) {
    await wait(1000)
    const told = performance.now()
    process.kill(running.mainPid ?? running.pid, signal)
    await ended(running.mainPid ?? running.pid)
    figures.slowestEndMs = Math.max(figures.slowestEndMs, Math.round(performance.now() - told))
    running = await start(port)
  }
  calling = false
  await Promise.all(callers)
  for (const client of clients) client.close()
  return figures
}

let made = 0

async function keepCalling(client: RestartClient, figures: Figures, calling: () => boolean): Promise<void> {
  while (calling()) {
    const id = ++made
    const body = `{"jsonrpc":"2.0","id":${id},"method":"eth_call","params":[{"to":"0x${id.toString(16)}"},"latest"]}`
    try {
      const answer = await client.post(body)
      figures.calls++
      if (!answer.includes('"result"')) figures.lost++
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
        figures.calls++
        figures.lost++
      }
      await wait(5)
    }
    await wait(id % 10)
  }
}

async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await wait(1)
  }
}
