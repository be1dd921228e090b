import { redactSecrets } from '../core/redact.ts'
import type { LoadedConfig } from './load.ts'
import { redactOptions } from './redact.ts'
import { toConfig } from './resolve.ts'

/** The config with every default written out, as TOML, secrets hidden. */
export async function effectiveConfigText({ options, source, secrets }: LoadedConfig): Promise<string> {
  const { stringify } = await import('smol-toml')
  return redactSecrets(
    `# ${source} is valid. With every default, secrets hidden:\n${stringify(toConfig(redactOptions(options)))}\n`,
    secrets,
  )
}
