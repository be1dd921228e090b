import type { Committee } from '../consensus/committee.ts'
import { type ConsensusState, createConsensus, recoverConsensus, step } from '../consensus/consensus.ts'
import type { ConsensusParameters } from '../consensus/parameters.ts'
import {
  blockOf,
  blocksInMemory,
  blocksOfAuthor,
  highestAcceptedRounds,
  missingBlocks,
  ownLastBlock,
  statusOf,
} from '../consensus/queries.ts'
import type {
  AuthorityIndex,
  BlockRef,
  ConsensusEffect,
  ConsensusEvent,
  ConsensusSeams,
  LogRecord,
  Round,
  SealedCommit,
  SignedBlock,
  TimerKind,
} from '../consensus/types.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import { Answers } from './answers.ts'
import { BlockIntake, type IntakeRefusal } from './block-intake.ts'
import { CommitSync } from './commit-sync.ts'
import { ConsensusLog } from './consensus-log.ts'
import { Delivery } from './delivery.ts'
import { OwnRoundQuestion } from './own-round.ts'
import { defaultReplicaParameters, type ReplicaParameters } from './parameters.ts'
import { PeerClient } from './peer-client.ts'
import { PeerServer } from './peer-server.ts'
import { Peers } from './peers.ts'
import { RoundProber } from './round-prober.ts'
import type { CommitConsumer, Disk, LinkHandlers, PeerLink, PeerNetwork, Verifier } from './seams.ts'
import { RefusalCounter, type ReplicaStatus } from './status.ts'
import { Synchronizer } from './synchronizer.ts'
import { type Submitted, TransactionQueue } from './transaction-queue.ts'

/** What a replica is made of. */
export interface ReplicaOptions {
  readonly committee: Committee
  readonly own: AuthorityIndex
  /** ed25519 over the 32 bytes of a signing root, with the own protocol key. */
  readonly sign: (signingRoot: Uint8Array) => Uint8Array
  /** The committee agrees on these. */
  readonly parameters: ConsensusParameters
  /** Own ways; defaults for what is left out. */
  readonly replica?: Partial<ReplicaParameters> | undefined
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly network: PeerNetwork
  readonly verifier: Verifier
  readonly consumer: CommitConsumer
  /** Positions of transactions to vote against; see {@link ConsensusSeams}. */
  readonly judge?: ((block: SignedBlock) => readonly number[]) | undefined
  readonly log: Log
  /** The replica cannot go on: its disk failed, or an invariant broke. It has hung up; called once. */
  readonly failed: (error: unknown) => void
}

/** One running validator. */
export interface Replica {
  /**
   * Recovers, listens and takes part. `ready` comes once, with an error when the port is taken.
   * @throws DrawbridgeError when the log cannot be used.
   */
  start(ready?: (error?: Error) => void): void
  /** Offers a transaction; `done` is called once. Accepted ones end in an own block, and so in the sequence. */
  submit(transaction: Uint8Array, done: Submitted): void
  /** What operators see. */
  status(): ReplicaStatus
  /** The last commit, once there is one. */
  head(): SealedCommit | undefined
  /** Hangs up, syncs and lets go of the disk. */
  stop(done: () => void): void
}

/**
 * A validator: performs the effects of the consensus step machine on the given disk and network, and feeds it what
 * happens there. The same code runs in the program and in the simulator.
 *
 * @example
 * const replica = createReplica(options)
 * replica.start()
 * replica.submit(transaction, (result) => console.log(result)) // 'included' once it cannot be lost
 */
export function createReplica(options: ReplicaOptions): Replica {
  return new RunningReplica(options)
}

/** Between two rounds of clearing up. */
const housekeepingMs = 1_000

class RunningReplica implements Replica {
  readonly #options: ReplicaOptions
  readonly #log: ConsensusLog
  readonly #queue: TransactionQueue
  readonly #intake: BlockIntake
  readonly #answers: Answers
  readonly #delivery: Delivery
  readonly #clients: readonly PeerClient[]
  readonly #synchronizer: Synchronizer
  readonly #commitSync: CommitSync
  readonly #prober: RoundProber
  readonly #ownRound: OwnRoundQuestion
  readonly #refusals = new RefusalCounter()
  readonly #servers = new Set<PeerServer>()
  readonly #timers = new Map<TimerKind, Timer>()
  readonly #events: ConsensusEvent[] = []
  #state: ConsensusState
  #head: SealedCommit | undefined
  #stepping = false
  #stopped = false
  /** Highest own round that is safe on the disk and may be shown. */
  #safeOwnRound: Round = 0
  /** False while the committee is asked for our last round. */
  #knowsOwnRound = false
  #housekeeping: Timer | undefined
  #frame: { readonly block: SignedBlock; readonly frame: Uint8Array } | undefined

  constructor(options: ReplicaOptions) {
    const { committee, own, parameters, clock, random, log, verifier, network } = options
    const replica = { ...defaultReplicaParameters, ...options.replica }
    this.#options = options
    this.#queue = new TransactionQueue({
      maxTransactions: replica.maxQueuedTransactions,
      maxBytes: replica.maxQueuedTransactionBytes,
      maxTransactionBytes: parameters.maxTransactionBytes,
    })
    this.#state = createConsensus(this.#seams)
    this.#log = new ConsensusLog({ ...options, ...replica, gcDepth: parameters.gcDepth })
    const onMalformed = (from: AuthorityIndex): void => this.#refusals.count(from, 'malformed')
    const known = (ref: BlockRef): SignedBlock | undefined => blockOf(this.#state, ref)
    this.#intake = new BlockIntake({
      committee,
      parameters,
      verifier,
      isKnown: ({ ref }) => known(ref) !== undefined,
      refused: (from, reason) => this.#refused(from, reason),
    })
    this.#answers = new Answers({
      committee,
      parameters: replica,
      history: this.#log.history,
      log,
      blockInMemory: (ref) => (this.#mayShow(ref) ? known(ref) : undefined),
      latestOf: (author) => this.#intake.latestOf(author),
      latestRounds: () => this.#latestRounds(),
    })
    this.#delivery = new Delivery({
      ...replica,
      consumer: options.consumer,
      read: (index) => this.#log.history.subDag(index, parameters.transactionVoting),
      onBackpressure: (on) => this.#happen({ type: 'backpressure', on }),
      failed: (error) => this.#fail(error),
    })
    const shared = { committee, own, clock, random, log, network, verifier, parameters: replica, onMalformed }
    this.#clients = this.#newClients(shared)
    const peers = new Peers(this.#clients, random)
    this.#synchronizer = new Synchronizer({
      ...shared,
      peers,
      missing: (limit) => missingBlocks(this.#state, limit),
      acceptedRounds: () => highestAcceptedRounds(this.#state),
      onBlocks: (from, items) => this.#takeBlocks(from, items, false, () => {}),
    })
    this.#commitSync = new CommitSync({
      ...shared,
      peers,
      known,
      position: () => ({ lastCommit: this.#state.head.ref, quorumCommitIndex: this.#state.monitor.quorumIndex }),
      check: (from, items, done) => this.#intake.check(from, items, done),
      onCommits: (commits) => this.#happen({ type: 'certifiedCommits', commits }),
    })
    this.#prober = new RoundProber({
      ...shared,
      peers,
      maxPropagationDelay: parameters.maxPropagationDelay,
      lastProposedRound: () => this.#safeOwnRound,
      onDelay: (rounds) => this.#happen({ type: 'propagationDelay', rounds }),
    })
    this.#ownRound = new OwnRoundQuestion({ ...shared, peers, learned: (round) => this.#learned(round) })
  }

  start(ready: (error?: Error) => void = () => {}): void {
    const { clock, network, log } = this.#options
    const { checkpoint, records, empty, cutBytes } = this.#log.recover()
    if (cutBytes > 0) log.warn({ cutBytes }, 'the end of the write-ahead log was torn and is cut off')
    if (!empty) this.#state = recoverConsensus(this.#seams, checkpoint, records)
    for (const { block } of blocksInMemory(this.#state)) this.#intake.note(block)
    this.#head = this.#log.history.commit(this.#state.head.ref.index)
    this.#knowsOwnRound = cutBytes === 0 && statusOf(this.#state).notProposing !== 'ownLastRoundUnknown'
    log.info({ round: this.#state.clock.round, commit: this.#state.head.ref.index, empty }, 'recovered')
    this.#log.sync((error) => {
      if (error !== undefined || this.#stopped) {
        if (error !== undefined) this.#fail(error)
        return
      }
      network.listen(
        (link) => this.#accept(link),
        (problem) => {
          if (problem === undefined && !this.#stopped) this.#begin()
          ready(problem)
        },
      )
    })
    this.#housekeeping = clock.after(housekeepingMs, () => this.#keepHouse())
  }

  submit(transaction: Uint8Array, done: Submitted): void {
    this.#queue.submit(transaction, done)
  }

  status(): ReplicaStatus {
    const status = statusOf(this.#state)
    const subscribed = new Set([...this.#servers].filter((server) => server.subscribed).map(({ peer }) => peer))
    return {
      ...status,
      authority: this.#options.own,
      epoch: this.#options.committee.epoch,
      asksForOwnRound: !this.#knowsOwnRound,
      peers: this.#clients.map(({ peer, connected }) => ({ peer, connected, subscribed: subscribed.has(peer) })),
      queue: { transactions: this.#queue.length, bytes: this.#queue.bytes },
      delivery: { acknowledged: this.#delivery.acknowledged, backlog: this.#delivery.backlog },
      firstCommitKept: this.#log.history.firstCommit,
      commitsFetched: this.#commitSync.fetchedCommits,
      refused: this.#refusals.with(status.refused),
    }
  }

  head(): SealedCommit | undefined {
    return this.#head
  }

  stop(done: () => void): void {
    if (this.#stopped) {
      done()
      return
    }
    this.#hangUp()
    this.#log.sync(() => this.#options.network.close(() => this.#log.close(done)))
  }

  #begin(): void {
    const { log } = this.#options
    this.#safeOwnRound = ownLastBlock(this.#state)?.ref.round ?? 0
    this.#delivery.recovered(this.#state.lastDeliveredIndex)
    this.#happen({ type: 'start' })
    for (const client of this.#clients) client.start()
    for (const loop of [this.#synchronizer, this.#commitSync, this.#prober]) loop.start()
    if (this.#knowsOwnRound) return
    log.info({}, 'asking the committee for our last round before any block is made')
    this.#ownRound.start()
  }

  get #seams(): ConsensusSeams {
    const { committee, own, parameters, sign, judge } = this.#options
    const transactions = this.#queue
    return { committee, own, parameters, sign, transactions, ...(judge === undefined ? {} : { judge }) }
  }

  #newClients(shared: {
    readonly network: PeerNetwork
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
    readonly parameters: ReplicaParameters
    readonly onMalformed: (from: AuthorityIndex) => void
  }): readonly PeerClient[] {
    const { committee, own } = this.#options
    const seams = {
      ...shared,
      subscribeAfter: (peer: AuthorityIndex): Round => highestAcceptedRounds(this.#state)[peer] ?? 0,
      onBlock: (peer: AuthorityIndex, bytes: Uint8Array, done: () => void): void =>
        this.#takeBlocks(peer, [bytes], true, done),
      onChange: (peer: AuthorityIndex, connected: boolean): void => this.#changed(peer, connected),
    }
    return committee.authorities.flatMap((_, peer) => (peer === own ? [] : [new PeerClient(peer, seams)]))
  }

  /** One thing after the other: what a step causes at once waits until its effects are under way. */
  #happen(event: ConsensusEvent): void {
    if (this.#stopped) return
    this.#events.push(event)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        this.#perform(step(this.#state, next, this.#options.clock.wall()))
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#stepping = false
    }
  }

  #perform(effects: readonly ConsensusEffect[]): void {
    const afterSync: (() => void)[] = []
    for (const effect of effects) {
      if (effect.type === 'broadcast') afterSync.push(this.#broadcasting(effect.block))
      else if (effect.type === 'deliver') afterSync.push(() => this.#delivery.add(effect.subDag))
      else this.#performNow(effect)
    }
    if (afterSync.length === 0) return
    this.#log.sync((error) => {
      if (error !== undefined) this.#fail(error)
      else if (!this.#stopped) this.#runAll(afterSync)
    })
  }

  #performNow(effect: Exclude<ConsensusEffect, { type: 'broadcast' } | { type: 'deliver' }>): void {
    switch (effect.type) {
      case 'persist':
        this.#log.append(effect.records)
        this.#head = lastCommitOf(effect.records) ?? this.#head
        return
      case 'fetch':
        this.#synchronizer.onMissing(effect.from, effect.refs)
        return
      case 'setTimer':
        this.#setTimer(effect.kind, effect.round, effect.afterMs)
        return
      case 'evidence':
        this.#options.log.warn({ ...effect }, 'an authority made two blocks of one round')
        return
      case 'refused':
        this.#options.log.debug({ ...effect }, 'a block was refused')
        return
      case 'collected':
    }
  }

  /** The transactions belong to this block from now on, and are acknowledged when it is safe. */
  #broadcasting(block: SignedBlock): () => void {
    const acknowledge = this.#queue.sealed()
    return () => {
      this.#safeOwnRound = Math.max(this.#safeOwnRound, block.ref.round)
      for (const server of this.#servers) server.pump()
      acknowledge()
    }
  }

  #setTimer(kind: TimerKind, round: Round, afterMs: number): void {
    const { clock } = this.#options
    clock.clear(this.#timers.get(kind))
    const timer = clock.after(afterMs, () => this.#happen({ type: 'timer', kind, round }))
    this.#timers.set(kind, timer)
  }

  #takeBlocks(from: AuthorityIndex, items: readonly Uint8Array[], stream: boolean, done: () => void): void {
    if (this.#stopped) return
    this.#intake.take(from, items, stream, (blocks) => {
      done()
      if (blocks.length > 0) this.#happen({ type: 'blocks', from, blocks })
    })
  }

  #accept(link: PeerLink): LinkHandlers {
    const server = new PeerServer(link, {
      ownBlocksAfter: (round) => this.#ownBlocksAfter(round),
      frameOf: (block, make) => this.#frameOf(block, make),
      answer: (request) => this.#answers.answer(request),
      onSubscribed: () => this.#countSubscribers(),
      onMalformed: () => this.#refusals.count(link.peer, 'malformed'),
      onClosed: () => {
        this.#servers.delete(server)
        this.#countSubscribers()
      },
    })
    // A peer that dials again has lost its old link, whatever our side of it believes.
    for (const old of this.#servers) if (old.peer === link.peer) old.close('the peer dialled again')
    this.#servers.add(server)
    return server
  }

  #ownBlocksAfter(round: Round): readonly SignedBlock[] {
    const blocks = blocksOfAuthor(this.#state, this.#options.own, round)
    return blocks.filter(({ ref }) => ref.round <= this.#safeOwnRound)
  }

  /** The newest block goes to all peers: its frame is made once. */
  #frameOf(block: SignedBlock, make: (block: SignedBlock) => Uint8Array): Uint8Array {
    if (this.#frame?.block !== block) this.#frame = { block, frame: make(block) }
    return this.#frame.frame
  }

  #mayShow({ author, round }: BlockRef): boolean {
    return author !== this.#options.own || round <= this.#safeOwnRound
  }

  #latestRounds() {
    const accepted = highestAcceptedRounds(this.#state)
    const received = this.#intake.receivedRounds.map((round, author) => Math.max(round, accepted[author] ?? 0))
    return { received, accepted }
  }

  #countSubscribers(): void {
    const peers = new Set([...this.#servers].filter((server) => server.subscribed).map(({ peer }) => peer))
    this.#happen({ type: 'subscribers', count: this.#knowsOwnRound ? peers.size : 0 })
  }

  #changed(peer: AuthorityIndex, connected: boolean): void {
    this.#options.log.info({ peer }, connected ? 'linked to the peer' : 'lost the link to the peer')
    if (connected && !this.#knowsOwnRound && !this.#stopped) this.#ownRound.askNow()
  }

  #learned(round: Round): void {
    this.#options.log.info({ round }, 'the committee told our last round')
    this.#knowsOwnRound = true
    this.#happen({ type: 'ownLastRoundLearned', round })
    this.#countSubscribers()
  }

  #refused(from: AuthorityIndex, reason: IntakeRefusal): void {
    this.#refusals.count(from, reason)
    this.#options.log.debug({ from, reason }, 'a block was refused')
  }

  #keepHouse(): void {
    this.#log.collect(this.#delivery.acknowledged)
    this.#log.history.rest()
    this.#housekeeping = this.#options.clock.after(housekeepingMs, () => this.#keepHouse())
  }

  #runAll(actions: readonly (() => void)[]): void {
    try {
      for (const run of actions) run()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#hangUp()
    this.#options.network.close(() => {})
    this.#options.failed(error)
  }

  #hangUp(): void {
    const { clock } = this.#options
    this.#stopped = true
    for (const loop of [this.#synchronizer, this.#commitSync, this.#prober, this.#ownRound]) loop.stop()
    for (const client of this.#clients) client.stop()
    for (const timer of this.#timers.values()) clock.clear(timer)
    clock.clear(this.#housekeeping)
    this.#queue.stop()
  }
}

function lastCommitOf(records: readonly LogRecord[]): SealedCommit | undefined {
  const last = records.findLast((record) => record.type === 'commit')
  return last?.type === 'commit' ? last.sealed : undefined
}
