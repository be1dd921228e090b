/** One way in which a node can be half well. */
export type Sickness = { readonly oneIn: number; readonly callsOnly?: boolean } & (
  | { readonly how: 'silent' | 'stop' | 'drip' | 'connections' | 'reset' | 'truncated' }
  | { readonly how: 'late'; readonly fromMs: number; readonly toMs: number }
  /** `ID` in the body is replaced by the id of the call. */
  | { readonly how: 'says'; readonly status: number; readonly type: string; readonly body: string }
)

const json = 'application/json'
const page = 'text/html'
const error = (code: number, message: string): Sickness => ({
  oneIn: 2,
  how: 'says',
  status: 200,
  type: json,
  body: `{"jsonrpc":"2.0","id":ID,"error":{"code":${code},"message":"${message}"}}`,
})

/** The rows of the table, by name. */
export const rows: Readonly<Record<string, Sickness>> = {
  'one in five never answered': { oneIn: 5, how: 'silent' },
  'one in three takes 2 s': { oneIn: 3, how: 'late', fromMs: 2000, toMs: 2000 },
  'everything takes 1.2 s': { oneIn: 1, how: 'late', fromMs: 1200, toMs: 1200 },
  'anything from 0 to 600 ms': { oneIn: 1, how: 'late', fromMs: 0, toMs: 600 },
  'one in five stops in its body': { oneIn: 5, how: 'stop' },
  'a byte every 20 ms': { oneIn: 1, how: 'drip' },
  'two connections served': { oneIn: 1, how: 'connections' },
  'probes answered, calls never': { oneIn: 1, how: 'silent', callsOnly: true },
  'one in two reset': { oneIn: 2, how: 'reset' },
  'one in two a 503 page': { oneIn: 2, how: 'says', status: 503, type: page, body: '<html>unavailable</html>' },
  'one in two truncated': { oneIn: 2, how: 'truncated' },
  'one in two cut JSON': { oneIn: 2, how: 'says', status: 200, type: json, body: '{"jsonrpc":"2.0","id":ID,"res' },
  'one in two -32603': error(-32603, 'Internal error'),
  'one in two busy': error(-32000, 'server is too busy'),
  'one in two a login page': { oneIn: 2, how: 'says', status: 200, type: page, body: '<html>please log in</html>' },
  'one in two no result': { oneIn: 2, how: 'says', status: 200, type: json, body: '{"jsonrpc":"2.0","id":ID}' },
  'one in two header not found': error(-32000, 'header not found'),
  'one in two missing trie': error(-32000, 'missing trie node 0xabcd (path 0a) state is not available'),
}
