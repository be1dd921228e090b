import { Command } from 'commander'
import { registerConsensus } from '../../src/cli/consensus.ts'
import { registerKeygen } from '../../src/cli/keygen.ts'

/* The two commands of the committee, as a program that the tests start in processes of their own. */
const program = new Command('drawbridge')
  .option('--log-level <level>', '', 'warn')
  .option('--log-format <format>', '', 'json')
registerConsensus(program)
registerKeygen(program)
await program.parseAsync(process.argv)
