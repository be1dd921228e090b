import type { Command } from 'commander'
import { realClock } from '../core/clock.ts'

/** `drawbridge demo`: real nodes and the gateway in front of them, until a signal ends it. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('start two real nodes with the gateway in front, to try it and to break it')
    .option('--listen <host:port>', 'address to listen on', '127.0.0.1:8080')
    .action(async (options: { listen: string }) => {
      const { demo } = await import('./demo.ts')
      const print = (line: string): void => void process.stdout.write(`${line}\n`)
      await demo(options, { clock: realClock, print, ended: firstSignal() })
      // Sockets of the callers that were still open must not keep a finished demo alive.
      process.exit(0)
    })
}

/** Resolves on Ctrl+C, SIGTERM or a closed terminal; a second one ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let came = false
    const stop = (): void => {
      if (came) process.exit(1)
      came = true
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  })
}
