/**
 * Runs the tests against real nodes, one file after another: `npm run test:real`, or with names,
 * `npm run test:real -- el-geth`. Whatever is absent and cannot be got counts as a failure.
 */
import { spawn } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { prepareNodes } from './prepare.ts'
import { realFolder } from './support/places.ts'

const longestFileMs = 10 * 60_000

interface FileResult {
  readonly file: string
  readonly result: 'passed' | 'failed' | string
  readonly seconds: number
}

const chosen = process.argv.slice(2)
const files = readdirSync(realFolder)
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => chosen.length === 0 || chosen.some((name) => file.startsWith(name)))
  .sort()

if (files.length === 0) {
  console.error(`No test in test/real begins with ${chosen.join(' or ')}.`)
  process.exit(2)
}
process.exitCode = await main()

async function main(): Promise<0 | 1> {
  rmSync(join(realFolder, 'run'), { recursive: true, force: true })
  console.log('Preparing the real nodes')
  const absent = prepareNodes(({ tests }) => tests.some((file) => files.includes(file)))
  for (const { node, problem } of absent) console.error(`\nABSENT: ${node.name}. ${problem}\n`)
  const results: FileResult[] = []
  for (const file of files) {
    const missing = absent.find(({ node }) => node.tests.includes(file))
    results.push(
      missing === undefined ? await runFile(file) : { file, result: `${missing.node.name} is absent`, seconds: 0 },
    )
  }
  console.log('\nTests against real nodes')
  for (const { file, result, seconds } of results) console.log(`  ${file.padEnd(28)} ${result} (${seconds} s)`)
  return results.every(({ result }) => result === 'passed') ? 0 : 1
}

async function runFile(file: string): Promise<FileResult> {
  console.log(`\n=== ${file}`)
  const began = performance.now()
  const args = ['--test', `--test-timeout=${longestFileMs}`, '--test-reporter=spec', join(realFolder, file)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal)
    process.exit(1)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, forward)
  const late = setTimeout(() => child.kill('SIGTERM'), longestFileMs + 30_000)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearTimeout(late)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, forward)
  return { file, result: code === 0 ? 'passed' : 'failed', seconds: Math.round((performance.now() - began) / 1000) }
}
