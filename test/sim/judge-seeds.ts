import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { SeedVerdict } from './judge-seed.ts'

const worker = fileURLToPath(new URL('seeds-worker.ts', import.meta.url))

/** Judges `count` seeds from `first` on, spread over worker processes; `each` hears of every verdict as it falls. */
export async function judgeSeeds(
  first: number,
  count: number,
  workers: number,
  each: (verdict: SeedVerdict) => void = () => {},
): Promise<SeedVerdict[]> {
  const shares = Array.from({ length: workers }, (_, at) => Math.floor((count - at + workers - 1) / workers))
  const verdicts = await Promise.all(shares.map((share, at) => runWorker([first + at, share, workers], each)))
  return verdicts.flat().toSorted((a, b) => a.seed - b.seed)
}

async function runWorker(words: readonly number[], each: (verdict: SeedVerdict) => void): Promise<SeedVerdict[]> {
  const child = spawn(process.execPath, [worker, ...words.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const verdicts: SeedVerdict[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const verdict = JSON.parse(line) as SeedVerdict
    verdicts.push(verdict)
    each(verdict)
  }
  const code = await exited
  if (code !== 0) throw new Error(`a worker ended with code ${code} after ${verdicts.length} of ${words[1]} seeds`)
  return verdicts
}
