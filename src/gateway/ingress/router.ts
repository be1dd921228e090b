import type { Exchange } from '../../http/types.ts'

/** Serves one exchange. `path` is the target without its query, still percent-encoded. */
export type Door = (exchange: Exchange, path: string) => void

/** Which door opens for which path. */
export interface Routes {
  /** Whole paths, without a trailing slash but for the root. */
  readonly exact: ReadonlyMap<string, Door>
  /** Path prefixes that end in a slash; the longest fitting one counts. */
  readonly prefixes: ReadonlyMap<string, Door>
  /** For everything else. */
  readonly otherwise: Door
}

/**
 * Finds the door for a target. A trailing slash makes no difference to whole paths.
 *
 * @example route({ exact: new Map([['/el', rpc]]), prefixes: new Map([['/cl/', rest]]), otherwise }, '/el/?x') // rpc
 */
export function route(routes: Routes, path: string): Door {
  const whole = routes.exact.get(path) ?? routes.exact.get(withoutTrailingSlash(path))
  return whole ?? longestPrefix(routes.prefixes, path) ?? routes.otherwise
}

/** The target up to its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function longestPrefix(prefixes: ReadonlyMap<string, Door>, path: string): Door | undefined {
  let best = ''
  for (const prefix of prefixes.keys()) if (path.startsWith(prefix) && prefix.length > best.length) best = prefix
  return prefixes.get(best)
}
