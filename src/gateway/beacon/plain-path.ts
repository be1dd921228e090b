const unreserved = /%(?:2[de]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)/gi

/**
 * A path as most nodes read it: no empty segments, no slash at its end, nothing encoded that need not be (RFC 3986 §2.3),
 * dot segments removed. A rule for a route holds for it however it is spelled.
 *
 * @param path without the query
 * @example plainPath('/eth//v1/%65vents/') // '/eth/v1/events'
 */
export function plainPath(path: string): string {
  if (!isOdd(path)) return path
  const segments: string[] = []
  for (const segment of path.replace(unreserved, decodeURIComponent).split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}

/** Almost every path is plain, and stays as it is. */
function isOdd(path: string): boolean {
  return path.includes('//') || path.includes('%') || path.includes('/.') || (path.length > 1 && path.endsWith('/'))
}
