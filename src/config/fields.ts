import { z } from 'zod'
import { parseListen } from './listen.ts'
import { type UrlSchemes, urlProblem } from './url.ts'

// The message of every schema here is the half sentence "write …": issues.ts puts the key path and the value before it.

// Timers hold 31 bits; a longer wait would fire at once.
const longestMs = 2_147_483_647
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const headersOfTheConnection =
  /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|host)$/i

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const error = `write a whole number ${max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

/** A duration in milliseconds. */
export function milliseconds(min = 1) {
  const error = `write a whole number of milliseconds from ${min} to ${longestMs}`
  return z.int({ error }).min(min, { error }).max(longestMs, { error })
}

/** A number, fractions allowed. */
export function number(min: number, max: number) {
  const error = `write a number from ${min} to ${max}`
  return z.number({ error }).min(min, { error }).max(max, { error })
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `write ${words.map((word) => `"${word}"`).join(' or ')}` })
}

export const flag = z.boolean({ error: 'write true or false' })

/** A string for which `check` returns what to write instead, or undefined. */
function checked(wanted: string, check: (text: string) => string | undefined) {
  return z.string({ error: wanted }).superRefine((text, context) => {
    const message = check(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message, input: text })
  })
}

function matching(pattern: RegExp, wanted: string) {
  return z.string({ error: wanted }).regex(pattern, { error: wanted })
}

export const listenAddress = checked('write host:port, for example "127.0.0.1:8080"', (text) => {
  const address = parseListen(text)
  return typeof address === 'string' ? address : undefined
})

/** A URL with one of the schemes. */
export function url(schemes: UrlSchemes) {
  const wanted = schemes === 'http' ? 'write an http or https URL' : 'write a ws or wss URL'
  return checked(wanted, (text) => urlProblem(text, schemes))
}

export const upstreamName = matching(
  /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/,
  'write up to 64 letters, digits and "-", "_", ".", ":", beginning with a letter or digit',
)

export const vendorName = matching(/^[a-z0-9][a-z0-9-]{0,31}$/, 'write the name of the vendor in lower case')

const headerName = matching(token, 'write a header name, for example Authorization').refine(
  (name) => !headersOfTheConnection.test(name),
  { error: 'this header belongs to the connection and is set for every call: remove it' },
)

export const headers = z.record(
  headerName,
  matching(/^[\t\x20-\x7e\x80-\xff]*$/, 'write a header value as a string on one line'),
  { error: 'write a table of header names and values, for example { Authorization = "Bearer …" }' },
)

export const headerNames = z.array(headerName, { error: 'write a list of header names, for example ["authorization"]' })

const hostWanted = 'write a host name without a port, for example "gate.example", or "*"'
export const hostNames = z.array(matching(/^(?:\*|(?!-)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/i, hostWanted), {
  error: 'write a list of host names, for example ["gate.example"]',
})

const originWanted = 'write an origin without a path, for example "https://app.example", or "*"'
export const origins = z.array(
  checked(originWanted, (text) => {
    const good = text === '*' || (URL.canParse(text) && new URL(text).origin === text)
    return good ? undefined : originWanted
  }),
  { error: 'write a list of origins, for example ["https://app.example"], or ["*"]' },
)
