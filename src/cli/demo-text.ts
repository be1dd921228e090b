import { type DemoNode, restartMs } from './demo-node.ts'

/** What the demo prints first: where everything is and what to try. */
export function introduction(url: string, nodes: readonly DemoNode[]): string[] {
  const [left] = nodes
  const call = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
  return [
    `Drawbridge listens on ${url} in front of two nodes on one chain, a block a second:`,
    ...nodes.map(
      ({ name, url, pid }, at) => `  ${name.padEnd(6)} ${url}  pid ${pid}  ${at === 0 ? 'primary' : 'backup'}`,
    ),
    '',
    'Ask through the gateway:',
    `  curl -si ${url} -H 'content-type: application/json' -d '${call}'`,
    '',
    'Then take the primary away, ask again, and see who answers (X-Drawbridge-Upstream):',
    `  kill -9 ${left!.pid}      it dies and is started again after ${restartMs / 1000} s`,
    `  kill -STOP ${left!.pid}   it hangs until: kill -CONT ${left!.pid}`,
    '',
    'Ctrl+C ends all of it.',
    '',
  ]
}

/** Time since the start, as the column before a line. */
export function elapsed(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(7)} s`
}
