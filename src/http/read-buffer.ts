/**
 * The bytes that sockets are read into, one socket after the other: a read costs no allocation, and whoever is handed
 * these bytes has to copy what it keeps before it returns.
 */
export const readBuffer: Buffer = Buffer.allocUnsafeSlow(65_536)
