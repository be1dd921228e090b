import { type ConfigProblem, type KeyPath, valueAt } from './problems.ts'

const beaconHasNoWebSocket = 'a beacon upstream has no WebSocket: remove it; events come over the url.'

/** Paths of the program itself, which no network can take. */
export const reservedNames = ['health', 'ready', 'status', 'metrics', 'dashboard', 'admin', 'eth', 'ws'] as const

/**
 * What no single key can know: rules about names and about keys together. Reads the config as it is, sound or not, so
 * that these problems are reported beside those of the schema.
 *
 * @param raw the config before the environment was put in: what messages may show
 */
export function crossChecks(data: unknown, raw: unknown): ConfigProblem[] {
  const networks = Object.entries(tableOf(valueAt(data, ['networks'])))
  const none = { path: ['networks'], sentence: 'no network: write at least one, for example [networks.el].' }
  const given = valueAt(data, ['networks'])
  return [
    ...(networks.length === 0 && isTable(given) ? [none] : []),
    ...networks.flatMap(([name]) => nameProblem(name)),
    ...severalDefaults(networks),
    ...networks.flatMap(([name, network]) => upstreamProblems(['networks', name, 'upstreams'], network, raw)),
  ]
}

function nameProblem(name: string): ConfigProblem[] {
  const path = ['networks', name]
  if ((reservedNames as readonly string[]).includes(name)) {
    return [{ path, sentence: `/${name} is a path of Drawbridge itself: write another name.` }]
  }
  const usable = /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)
  const sentence =
    'the name is also the path: write small letters, digits, "-" and "_", beginning with a letter or digit.'
  return usable ? [] : [{ path, sentence }]
}

function severalDefaults(networks: readonly [string, unknown][]): ConfigProblem[] {
  const first = new Map<unknown, string>()
  return networks.flatMap(([name, network]) => {
    const kind = valueAt(network, ['kind'])
    if (valueAt(network, ['default']) !== true) return []
    const earlier = first.get(kind)
    if (earlier === undefined) first.set(kind, name)
    const sentence = `"${earlier}" is the default network of this kind already: write default = true once.`
    return earlier === undefined ? [] : [{ path: ['networks', name, 'default'], sentence }]
  })
}

function upstreamProblems(path: KeyPath, network: unknown, raw: unknown): ConfigProblem[] {
  const upstreams = valueAt(network, ['upstreams'])
  if (!Array.isArray(upstreams) || upstreams.length === 0) return []
  const isBeacon = valueAt(network, ['kind']) === 'beacon'
  const withSocket = upstreams.flatMap((upstream, at) => (valueAt(upstream, ['ws']) === undefined ? [] : [at]))
  return [
    ...(isBeacon ? withSocket.map((at) => ({ path: [...path, at, 'ws'], sentence: beaconHasNoWebSocket })) : []),
    ...upstreams.flatMap((upstream, at) => headerProblems([...path, at], upstream)),
    ...noPrimary(path, upstreams),
    ...sameNames(path, upstreams, raw),
    ...sameUpstreams(path, upstreams),
  ]
}

/** Two of one URL would count as two nodes: a call that fails at one would be tried again at the same. */
function sameUpstreams(path: KeyPath, upstreams: readonly unknown[]): ConfigProblem[] {
  const first = new Map<string, number>()
  return upstreams.flatMap((upstream, at) => {
    const url = valueAt(upstream, ['url'])
    if (typeof url !== 'string' || !URL.canParse(url)) return []
    const key = `${new URL(url).href} ${headersText(upstream)}`
    const earlier = first.get(key)
    if (earlier === undefined) first.set(key, at)
    const sentence = `upstreams[${earlier}] has this url already: write each upstream once.`
    return earlier === undefined ? [] : [{ path: [...path, at, 'url'], sentence }]
  })
}

/** One URL with two keys in its headers is two upstreams. */
function headersText(upstream: unknown): string {
  const headers = Object.entries(tableOf(valueAt(upstream, ['headers'])))
  return JSON.stringify(headers.map(([name, value]) => [name.toLowerCase(), value]).sort())
}

function noPrimary(path: KeyPath, upstreams: readonly unknown[]): ConfigProblem[] {
  const sentence = 'every upstream is a backup: write tier = "primary" for at least one, or leave its tier out.'
  return upstreams.every((upstream) => valueAt(upstream, ['tier']) === 'backup') ? [{ path, sentence }] : []
}

function sameNames(path: KeyPath, upstreams: readonly unknown[], raw: unknown): ConfigProblem[] {
  const first = new Map<string, number>()
  return upstreams.flatMap((upstream, at) => {
    const given = valueAt(upstream, ['name'])
    const name = (typeof given === 'string' ? given : undefined)?.toLowerCase()
    if (name === undefined) return []
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, at)
    const here = [...path, at, 'name']
    const sentence = `${JSON.stringify(valueAt(raw, here))} is the name of upstreams[${earlier}] already (capitals do not count): write another one.`
    return earlier === undefined ? [] : [{ path: here, sentence }]
  })
}

function headerProblems(path: KeyPath, upstream: unknown): ConfigProblem[] {
  const names = Object.keys(tableOf(valueAt(upstream, ['headers'])))
  const url = valueAt(upstream, ['url'])
  const inUrl = typeof url === 'string' && URL.canParse(url) && new URL(url).username !== '' ? ['authorization'] : []
  const seen = new Set(inUrl)
  return names.flatMap((name) => {
    const lower = name.toLowerCase()
    const isNew = !seen.has(lower)
    seen.add(lower)
    const sentence = inUrl.includes(lower)
      ? 'the user name and password in the url make this header too: write one of the two.'
      : 'this header is written twice (capitals do not count): write it once.'
    return isNew ? [] : [{ path: [...path, 'headers', name], sentence }]
  })
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function tableOf(value: unknown): object {
  return isTable(value) ? value : {}
}
