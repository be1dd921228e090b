import { DrawbridgeError } from '../core/errors.ts'

/** The arguments of a simulation make no sense together; nothing was run. Exit code 2 on the command line. */
export class SimulationUsageError extends DrawbridgeError {
  constructor(message: string, nextStep?: string) {
    super('USAGE', message, { nextStep })
  }
}
