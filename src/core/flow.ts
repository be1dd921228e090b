/** Receives bytes as they come: chunks, then exactly one of end and error. */
export interface ByteReceiver {
  onData(chunk: Buffer): void
  onEnd(): void
  onError(error: Error): void
}

/** Slows or resumes whoever sends bytes. */
export interface Flow {
  pause(): void
  resume(): void
}

/** Bytes that are produced while they are read. Opened at most once. */
export interface ByteSource {
  /** Bytes in all, where known beforehand. */
  readonly length: number | undefined
  /** Starts the flow into the receiver. */
  open(receiver: ByteReceiver): Flow
}

/** A source that can be given up, whether it was opened or not. */
export interface AbortableSource extends ByteSource {
  abort(): void
}

/** A source whose first bytes are at hand already. */
export function prefixed(head: Buffer, rest: AbortableSource): AbortableSource {
  return {
    length: undefined,
    abort: () => rest.abort(),
    open: (receiver) => {
      if (head.length > 0) receiver.onData(head)
      return rest.open(receiver)
    },
  }
}
