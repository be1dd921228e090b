/** JSON, under the names that clients have for it. */
export function isJsonType(type: string): boolean {
  return type === 'application/json' || /^application\/(?:[\w.-]+\+)?json(?:-rpc|rpc|request)?\s*(?:;|$)/i.test(type)
}

/** What the Beacon API takes: JSON and SSZ. No form can send either, so a page has to ask first. */
export function isBeaconType(type: string): boolean {
  return isJsonType(type) || /^application\/octet-stream\s*(?:;|$)/i.test(type)
}
