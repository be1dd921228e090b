/** What an upstream may read as the end of a segment besides the slash. */
const hiddenSlash = /\\|%2f|%5c/i

/**
 * Whether a path keeps below the place it is appended to, whoever reads it: upstreams differ in what they decode and when,
 * some join double slashes, and some cut `;…` off a segment. So every `..` counts that anyone could see, and of the
 * segments that lead down only those that all see.
 *
 * @param path still percent-encoded, without the query
 * @example staysBelow('/eth/v1/x/../y') // true
 * @example staysBelow('/eth/%2e%2e/..') // false
 */
export function staysBelow(path: string): boolean {
  if (!path.includes('.') && !path.includes('%')) return true
  let text = path
  while (text.includes('%25')) text = text.replaceAll('%25', '%')
  let depth = 0
  for (const segment of text.split('/')) {
    depth += stepOf(segment)
    if (depth < 0) return false
  }
  return true
}

function stepOf(segment: string): number {
  const parts = segment.split(hiddenSlash).map((part) => part.replace(/(?:;|%3b).*$/i, '').replace(/%2e/gi, '.'))
  const up = parts.filter((part) => part === '..').length
  if (up > 0) return -up
  return parts.some((part) => part !== '' && part !== '.') ? 1 : 0
}
