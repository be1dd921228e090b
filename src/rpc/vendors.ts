// Ends of host names, and whose endpoints they are.
const hosts: readonly (readonly [string, string])[] = [
  ['alchemy.com', 'alchemy'],
  ['alchemyapi.io', 'alchemy'],
  ['infura.io', 'infura'],
  ['quiknode.pro', 'quicknode'],
  ['quicknode.com', 'quicknode'],
  ['drpc.org', 'drpc'],
  ['drpc.live', 'drpc'],
  ['ankr.com', 'ankr'],
  ['blockpi.network', 'blockpi'],
  ['chainbase.com', 'chainbase'],
  ['chainbase.online', 'chainbase'],
  ['conduit.xyz', 'conduit'],
  ['llamarpc.com', 'llamanodes'],
  ['llamanodes.com', 'llamanodes'],
  ['envio.dev', 'envio'],
  ['hypersync.xyz', 'envio'],
  ['chainstack.com', 'chainstack'],
  ['p2pify.com', 'chainstack'],
  ['blastapi.io', 'blast'],
  ['getblock.io', 'getblock'],
  ['publicnode.com', 'publicnode'],
  ['tenderly.co', 'tenderly'],
]

/**
 * The vendor whose error texts an endpoint uses, told by its host name; undefined for everybody's own nodes.
 *
 * @example vendorOf('eth-mainnet.g.alchemy.com') === 'alchemy'
 */
export function vendorOf(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.?(:\d+)?$/, '')
  return hosts.find(([end]) => name === end || name.endsWith(`.${end}`))?.[1]
}
