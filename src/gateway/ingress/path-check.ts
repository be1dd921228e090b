/** What an upstream may read as the end of a segment. */
const separators = /[/\\]|%2f|%5c/i

/**
 * Whether a path keeps below the place it is appended to: no segment of it is `.` or `..` to any reader, however it is
 * encoded. Upstreams differ in when they decode, and some cut `;…` off a segment.
 *
 * @param path still percent-encoded, without the query
 */
export function staysBelow(path: string): boolean {
  if (!path.includes('.') && !path.includes('%') && !path.includes('\\')) return true
  let text = path
  while (/%25/.test(text)) text = text.replaceAll('%25', '%')
  return !text
    .split(separators)
    .some((segment) => /^\.\.?$/.test(segment.replace(/(?:;|%3b).*$/i, '').replace(/%2e/gi, '.')))
}
