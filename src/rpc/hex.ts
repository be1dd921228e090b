const quantity = /^0x[0-9a-f]+$/i

/**
 * The number that a hex quantity stands for: `0x` and at least one hex digit, as nodes answer. Leading zeros are
 * forgiven. Undefined for everything else, and for numbers above `Number.MAX_SAFE_INTEGER`.
 *
 * @param json raw JSON of a string, quotes included, or the string itself
 * @example parseQuantity('0x10d4f') === 68943
 */
export function parseQuantity(json: Buffer | string): number | undefined {
  // Longer than any quantity that fits, leading zeros included.
  if (json.length > 80) return undefined
  const text = typeof json === 'string' ? json : unquoted(json.toString('latin1'))
  if (!quantity.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : ''
}

/** A number as a hex quantity: `toQuantity(255) === '0xff'`. */
export function toQuantity(value: number): string {
  return `0x${value.toString(16)}`
}
