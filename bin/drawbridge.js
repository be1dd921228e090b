#!/usr/bin/env node
// Plain JavaScript that an old Node can parse: it must reach the sentence below before anything modern is loaded.
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'

const wanted = [22, 19]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  process.stderr.write(
    `drawbridge needs Node ${wanted.join('.')} or newer and this is ${process.version}: install a newer Node, or run it through npm ("npm start"), which brings its own.\n`,
  )
  process.exit(2)
}
nodeModule.enableCompileCache?.()
const built = new URL('../dist/cli/main.js', import.meta.url)
const source = new URL('../src/cli/main.ts', import.meta.url)
// In a checkout the sources win, so that a stale build never runs by mistake.
const { main } = await import(existsSync(source) && !process.env.DRAWBRIDGE_BUILT ? source.href : built.href)
await main(process.argv)
