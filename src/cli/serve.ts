import { flushCompileCache } from 'node:module'
import type { Command } from 'commander'
import type { LoadedConfig } from '../config/load.ts'
import { realClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { programVersion } from '../core/version.ts'
import type { GatewayOptions } from '../gateway/options.ts'
import { endOnCrash } from './crash.ts'
import { UsageError } from './failure.ts'
import { type GlobalFlags, globalFlags } from './globals.ts'
import { explainListenError } from './listen-error.ts'
import { listeningLine } from './listening-line.ts'
import type { ProgramLog } from './log.ts'
import { stopOnSignal } from './signals.ts'

interface ServeFlags {
  readonly config?: string
  readonly listen?: string
  readonly el?: readonly string[]
  readonly elBackup?: readonly string[]
  readonly cl?: readonly string[]
}

const collect = (value: string, earlier: readonly string[] = []): string[] => [...earlier, value]

/** `drawbridge serve`: runs the gateway until a signal stops it. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('serve the networks of a config file, or the URLs given')
    .argument('[urls...]', 'execution clients, the preferred one first')
    .option('--config <file>', 'config file; looked for in the working directory when left out')
    .option('--listen <host:port>', 'address to listen on, instead of the one in the config')
    .option('--el <url>', 'execution client, behind the URLs; may be repeated', collect)
    .option('--el-backup <url>', 'execution client used while no other is eligible; may be repeated', collect)
    .option('--cl <url>', 'beacon node; may be repeated', collect)
    .action(async (urls: string[], flags: ServeFlags, command: Command) => {
      await serve(await configOf(urls, flags), globalFlags(command))
    })
}

async function configOf(urls: readonly string[], flags: ServeFlags): Promise<LoadedConfig> {
  const { elBackup = [], cl = [], listen } = flags
  const el = [...urls, ...(flags.el ?? [])]
  const withUrls = el.length + elBackup.length + cl.length > 0
  if (withUrls && flags.config !== undefined) {
    throw new UsageError('Both URLs and --config were given.', 'Write the URLs into the file, or leave --config out.')
  }
  if (withUrls) {
    const { configFromUrls } = await import('../config/command-line.ts')
    return configFromUrls({ el, elBackup, cl, listen }, process.env)
  }
  const { loadConfig } = await import('../config/load.ts')
  const loaded = await loadConfig({ file: flags.config, directory: process.cwd(), environment: process.env })
  return listen === undefined ? loaded : { ...loaded, options: await listenOn(loaded.options, listen) }
}

async function listenOn(options: GatewayOptions, text: string): Promise<GatewayOptions> {
  const { parseListen } = await import('../config/listen.ts')
  const listen = parseListen(text)
  if (typeof listen === 'string') throw new UsageError('The address given with --listen does not fit:', `${listen}.`)
  return { ...options, listen }
}

async function serve({ options, source, secrets }: LoadedConfig, flags: GlobalFlags): Promise<void> {
  const [{ createGateway }, { createLog }] = await Promise.all([import('../gateway/gateway.ts'), import('./log.ts')])
  const log: ProgramLog = await createLog(flags, secrets)
  endOnCrash(log)
  const version = programVersion()
  const gateway = createGateway(options, { clock: realClock, random: systemRandom, log, version, secrets })
  const stopped = stopOnSignal(gateway, log, realClock)
  const address = await gateway.start().catch(async (error: unknown) => {
    // Its probes run already, and would keep the process alive.
    await gateway.close()
    log.flush()
    throw explainListenError(error, options.listen)
  })
  process.stdout.write(`${listeningLine(address, options, secrets)}\n`)
  log.info({ version, config: source }, 'started')
  // Written at exit otherwise, which a killed process never reaches: every start would compile anew.
  flushCompileCache()
  await stopped
  log.flush()
  process.exit(0)
}
