import { redactText, redactUrl } from '../../core/redact.ts'
import { headerValue } from '../../http/headers.ts'
import { type Discreet, openly, type ProbeResponse } from './ask.ts'

/** What is looked at of a page, and what is shown of it. */
const judgedBytes = 4096
const shownLength = 80

/**
 * What came instead of JSON: where it points to, or its first words, without markup, control characters and secrets.
 * Undefined when there is nothing to read.
 */
export function describePage({ headers, body }: ProbeResponse, discreet: Discreet = openly): string | undefined {
  const location = headerValue(headers, 'location')
  if (location !== undefined) return `it points to ${shorten(redactUrl(discreet(printable(location))))}`
  const words = discreet(wordsOf(body.subarray(0, judgedBytes).toString('utf8')))
  return words === '' ? undefined : `it says "${shorten(redactText(words))}"`
}

function wordsOf(text: string): string {
  const visible = text.replace(/<(script|style)\b[\s\S]*?(<\/\1>|$)/gi, ' ').replace(/<[^>]*(>|$)/g, ' ')
  return printable(visible)
}

function printable(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}\p{P}\p{S} ]+|\uFFFD/gu, ' ')
    .replaceAll('"', "'")
    .replace(/ +/g, ' ')
    .trim()
}

function shorten(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text
}
