/**
 * The request target of an address below a configured one. The query of the configured URL, mostly a key, goes along;
 * what the client wrote stays as it is.
 *
 * @param base path and query of the configured URL
 * @param target path and query below it; empty for the configured address itself
 * @example targetBelow('/v1/?key=k', '/eth/v1/node/health?x=1') // '/v1/eth/v1/node/health?key=k&x=1'
 */
export function targetBelow(base: string, target: string): string {
  if (target === '') return base
  const [basePath, baseQuery] = splitAtQuery(base)
  const prefix = basePath.replace(/\/$/, '')
  if (baseQuery === undefined) return `${prefix}${target}`
  const [path, query] = splitAtQuery(target)
  return `${prefix}${path}?${baseQuery}${query === undefined ? '' : `&${query}`}`
}

function splitAtQuery(target: string): [path: string, query: string | undefined] {
  const at = target.indexOf('?')
  return at < 0 ? [target, undefined] : [target.slice(0, at), target.slice(at + 1)]
}
