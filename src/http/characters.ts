const table = (allowed: (code: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0))

const tokenSigns = "!#$%&'*+-.^_`|~"

/** 1 for the characters of a token: methods and field names (RFC 9110 §5.6.2). */
export const TOKEN: Uint8Array = table(
  (code) => /[0-9A-Za-z]/.test(String.fromCharCode(code)) || tokenSigns.includes(String.fromCharCode(code)),
)

/** 1 for the characters of a field value: tab, space, visible ASCII and the bytes above ASCII. */
export const VALUE: Uint8Array = table((code) => code === 9 || (code >= 32 && code !== 127))

/** 1 for the characters of a request target: visible ASCII. */
export const TARGET: Uint8Array = table((code) => code > 32 && code < 127)

/** True when every character of `text` is marked in `allowed`. Characters above Latin-1 never are: they would be cut to a byte on the wire, and U+010A becomes a line feed. */
export function isAll(allowed: Uint8Array, text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 255 || allowed[code] === 0) return false
  }
  return true
}
