import type { AuthorityIndex, CommittedSubDag, SignedBlock } from '../consensus/types.ts'

/*
 * What a replica needs from the world. The program stands files, TLS sockets and the machine's clock behind these; the
 * simulator stands a virtual disk and network behind the same ones. Everything answers by callback, never by promise:
 * a callback may come at once or later, but in the order that each seam states, so one seed gives one run.
 */

/**
 * An append-only store in numbered segments. The write-ahead log puts its entries on it; the disk knows bytes only.
 *
 * After a crash a segment holds every byte that a finished {@link Disk.sync} covered, and of later bytes any prefix,
 * whose tail may be torn or zero.
 */
export interface Disk {
  /** Numbers of the segments that exist, ascending. */
  segments(): readonly number[]
  /** Bytes of a segment, synced or not. `length` past the end gives what there is. */
  read(segment: number, offset: number, length: number): Uint8Array
  /** Bytes in a segment, synced or not; 0 when it does not exist. */
  size(segment: number): number
  /** Adds bytes at the end of a segment, creating it. The bytes are copied or written before the call returns. */
  append(segment: number, bytes: readonly Uint8Array[]): void
  /** Cuts a segment to `length` bytes and makes that durable before it returns. */
  truncate(segment: number, length: number): void
  /**
   * Calls `done` once everything appended before this call survives a crash. Calls finish in order. After an error the
   * disk is unusable: the replica stops, because it cannot know what is on it.
   */
  sync(done: (error?: Error) => void): void
  /** Removes a segment. */
  drop(segment: number): void
  /** Lets go of all files. Pending `sync` callbacks come first. */
  close(done: () => void): void
}

/** What one end of a link is told. */
export interface LinkHandlers {
  /** A whole frame, in the order sent. The bytes belong to the receiver. */
  onFrame(frame: Uint8Array): void
  /** `send` refused a frame before; it takes frames again. */
  onDrain(): void
  /** The link is gone, by either side or the network. Comes exactly once; nothing follows. */
  onClose(reason: string): void
}

/** An open link to a peer whose network key has been proved. Frames arrive whole, in order, or the link closes. */
export interface PeerLink {
  readonly peer: AuthorityIndex
  /** False: the bounded queue is full, the frame was NOT taken; wait for `onDrain`. Also false after the link closed. */
  send(frame: Uint8Array): boolean
  /** Stops `onFrame` until {@link PeerLink.resume}; what arrives meanwhile waits in bounded buffers or at the peer. */
  pause(): void
  resume(): void
  /** Closes; `onClose` follows with this reason, not from inside the call. */
  close(reason: string): void
}

/**
 * Links to the other authorities. Each pair has up to two: the one that A dialled (A asks and subscribes, B answers)
 * and the one that B dialled. Strangers, wrong keys and wrong epochs are refused below this seam.
 */
export interface PeerNetwork {
  /** Starts taking links. `accept` is called for each; a second link from one peer does not close the first. */
  listen(accept: (link: PeerLink) => LinkHandlers, ready: (error?: Error) => void): void
  /** Dials once. Exactly one of `opened` and `failed` is called, later. Dialling again is the caller's business. */
  connect(peer: AuthorityIndex, opened: (link: PeerLink) => LinkHandlers, failed: (reason: string) => void): void
  /** Closes every link and stops listening. */
  close(done: () => void): void
}

/** Checks the signatures of blocks. The program does it on other threads, the simulator inline. */
export interface Verifier {
  /** `valid[i]` tells whether `blocks[i]` is signed by its author. Calls finish in any order. */
  verify(blocks: readonly SignedBlock[], done: (valid: readonly boolean[]) => void): void
}

/** Takes the committed sequence. */
export interface CommitConsumer {
  /** Index of the last commit that the consumer holds durably; 0 before the first. Read once, at the start. */
  cursor(): number
  /** Digest of that commit, if the consumer remembers it: the committee's commit of this index has to be the same. */
  cursorDigest?(): string | undefined
  /**
   * The next sub-DAG: indices ascend by one from `cursor() + 1`. `done` acknowledges it and all before it, and may be
   * called later and out of step; not acknowledged sub-DAGs are delivered again after a restart.
   */
  deliver(subDag: CommittedSubDag, done: () => void): void
}

/** What became of a submitted transaction. `included`: it is in an own block on disk and will not be forgotten. */
export type SubmitResult = 'included' | 'queueFull' | 'tooLarge' | 'stopped'
