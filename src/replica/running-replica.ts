import { blockLimits } from '../consensus/block-limits.ts'
import { type ConsensusState, createConsensus, recoverConsensus, step } from '../consensus/consensus.ts'
import {
  blockOf,
  blocksInMemory,
  blocksOfAuthor,
  heldBlocks,
  highestAcceptedRounds,
  isHeld,
  isMissing,
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
import type { Timer } from '../core/clock.ts'
import { maxBlockBytes, streamLimits } from './block-limits.ts'
import { CommitSync } from './catch-up/commit-sync.ts'
import { OwnRoundQuestion } from './catch-up/own-round.ts'
import { RoundProber } from './catch-up/round-prober.ts'
import { StallRelief } from './catch-up/stall-relief.ts'
import { Synchronizer } from './catch-up/synchronizer.ts'
import { Delivery } from './delivery.ts'
import { ConsensusLog } from './disk/consensus-log.ts'
import { type Submitted, TransactionQueue } from './door/transaction-queue.ts'
import { defaultReplicaParameters, type ReplicaParameters } from './parameters.ts'
import { Answers } from './peers/answers.ts'
import { type BlockAnswer, BlockIntake, type IntakeRefusal } from './peers/block-intake.ts'
import { PeerHub } from './peers/peer-hub.ts'
import type { PeerQuestions } from './peers/peers.ts'
import type { Replica, ReplicaOptions } from './replica.ts'
import { RefusalCounter, type ReplicaStatus } from './status.ts'

/** Between two rounds of clearing up. */
const housekeepingMs = 1_000

/** The replica behind {@link createReplica}: what happens goes into the step machine, what comes out is done. */
export class RunningReplica implements Replica {
  readonly #options: ReplicaOptions
  readonly #parameters: ReplicaParameters
  readonly #log: ConsensusLog
  readonly #queue: TransactionQueue
  readonly #intake: BlockIntake
  readonly #answers: Answers
  readonly #delivery: Delivery
  readonly #hub: PeerHub
  readonly #synchronizer: Synchronizer
  readonly #commitSync: CommitSync
  readonly #prober: RoundProber
  readonly #relief: StallRelief
  readonly #ownRound: OwnRoundQuestion
  readonly #refusals = new RefusalCounter()
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

  constructor(options: ReplicaOptions) {
    this.#options = options
    this.#parameters = { ...defaultReplicaParameters, ...options.replica }
    const { maxQueuedTransactions: maxTransactions, maxQueuedTransactionBytes: maxBytes } = this.#parameters
    const { gcDepth, maxTransactionBytes } = options.parameters
    this.#queue = new TransactionQueue({ maxTransactions, maxBytes, maxTransactionBytes })
    this.#state = createConsensus(this.#seams)
    this.#log = new ConsensusLog({ ...options, ...this.#parameters, gcDepth })
    this.#intake = this.#newIntake()
    this.#answers = this.#newAnswers()
    this.#delivery = this.#newDelivery()
    this.#hub = this.#newHub()
    const shared = { ...this.#shared, peers: this.#hub.questions }
    this.#synchronizer = new Synchronizer({
      ...shared,
      isMissing: (ref) => isMissing(this.#state, ref),
      missing: (limit) => missingBlocks(this.#state, limit),
      acceptedRounds: () => highestAcceptedRounds(this.#state),
      onBlocks: (answer) => this.#takeAnswer(answer),
    })
    this.#commitSync = new CommitSync({
      ...shared,
      known: (ref) => blockOf(this.#state, ref),
      position: () => ({ lastCommit: this.#state.head.ref, quorumCommitIndex: this.#state.monitor.quorumIndex }),
      check: (from, items, done) => this.#intake.check(from, items, done),
      onVoters: (blocks) => this.#happen({ type: 'commitVotes', blocks }),
      onCommits: (commits) => this.#happen({ type: 'certifiedCommits', commits }),
    })
    this.#relief = this.#newRelief(this.#hub.questions)
    this.#prober = new RoundProber({
      ...shared,
      maxPropagationDelay: options.parameters.maxPropagationDelay,
      lastProposedRound: () => this.#safeOwnRound,
      onDelay: (rounds) => this.#happen({ type: 'propagationDelay', rounds }),
    })
    this.#ownRound = new OwnRoundQuestion({ ...shared, learned: (round) => this.#learned(round) })
  }

  start(ready: (error?: Error) => void = () => {}): void {
    const { clock, log } = this.#options
    const { checkpoint, records, empty, cutBytes } = this.#log.recover()
    if (cutBytes > 0) log.warn({ cutBytes }, 'the end of the write-ahead log was torn and is cut off')
    if (!empty) this.#state = recoverConsensus(this.#seams, checkpoint, records)
    for (const { block } of blocksInMemory(this.#state)) this.#intake.note(block)
    this.#head = this.#log.history.commit(this.#state.head.ref.index)
    this.#knowsOwnRound = cutBytes === 0 && statusOf(this.#state).notProposing !== 'ownLastRoundUnknown'
    log.info({ round: this.#state.clock.round, commit: this.#state.head.ref.index, empty }, 'recovered')
    this.#log.sync((error) => {
      if (error !== undefined) this.#fail(error)
      else if (!this.#stopped) this.#listen(ready)
    })
    this.#housekeeping = clock.after(housekeepingMs, () => this.#keepHouse())
  }

  submit(transaction: Uint8Array, done: Submitted): void {
    this.#queue.submit(transaction, done)
  }

  status(): ReplicaStatus {
    const status = statusOf(this.#state)
    return {
      ...status,
      authority: this.#options.own,
      epoch: this.#options.committee.epoch,
      asksForOwnRound: !this.#knowsOwnRound,
      peers: this.#hub.states,
      queue: { transactions: this.#queue.length, bytes: this.#queue.bytes },
      delivery: { acknowledged: this.#delivery.acknowledged, backlog: this.#delivery.backlog },
      firstCommitKept: this.#log.history.firstCommit,
      commitsFetched: this.#commitSync.fetchedCommits,
      refused: this.#refusals.with(status.refused),
      intake: this.#intake.work,
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

  #listen(ready: (error?: Error) => void): void {
    this.#hub.listen((problem) => {
      if (problem === undefined && !this.#stopped) this.#begin()
      ready(problem)
    })
  }

  #begin(): void {
    const { log } = this.#options
    this.#safeOwnRound = ownLastBlock(this.#state)?.ref.round ?? 0
    this.#delivery.recovered(this.#state.lastDeliveredIndex)
    this.#happen({ type: 'start' })
    this.#hub.dial()
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

  /** What most parts are handed. */
  get #shared() {
    const onMalformed = (from: AuthorityIndex): void => this.#refused(from, 'malformed')
    const { committee, parameters } = this.#options
    const limits = blockLimits(committee, parameters)
    const blockBytes = maxBlockBytes(committee, parameters)
    return { ...this.#options, parameters: this.#parameters, limits, maxBlockBytes: blockBytes, onMalformed }
  }

  #newIntake(): BlockIntake {
    return new BlockIntake({
      ...this.#options,
      isKnown: ({ ref }) => blockOf(this.#state, ref) !== undefined,
      refused: (from, reason) => this.#refused(from, reason),
    })
  }

  #newAnswers(): Answers {
    return new Answers({
      ...this.#shared,
      history: this.#log.history,
      blockInMemory: (ref) => blockOf(this.#state, ref),
      lowestRound: () => this.#state.dag.lowestRound,
      mayShow: ({ ref }) => this.#mayShow(ref),
      held: (above, limit) => heldBlocks(this.#state, above, limit, (ref) => this.#mayShow(ref)),
      certifiedIndex: () => this.#state.certificates.head.ref.index,
      latestOf: (author) => this.#intake.latestOf(author),
      latestRounds: () => this.#latestRounds(),
    })
  }

  #newRelief(peers: PeerQuestions): StallRelief {
    return new StallRelief({
      ...this.#shared,
      peers,
      standing: () => {
        const { clock, head, certificates } = this.#state
        return { round: clock.round, lastCommitRound: head.leaderRound, certified: certificates.head.ref }
      },
      has: (ref) => isHeld(this.#state, ref),
      onBlocks: (answer) => this.#takeAnswer(answer),
      check: (from, items, done) => this.#intake.check(from, items, done),
      onProven: ({ commits, voters }) => {
        this.#happen({ type: 'commitVotes', blocks: voters })
        this.#commitSync.offer(commits)
      },
      onStalled: () => this.#happen({ type: 'stalled' }),
    })
  }

  #newDelivery(): Delivery {
    const { consumer, parameters } = this.#options
    return new Delivery({
      ...this.#parameters,
      consumer,
      read: (index) => this.#log.history.subDag(index, parameters.transactionVoting),
      digestOf: (index) => this.#log.history.digestOf(index),
      onBackpressure: (on) => this.#happen({ type: 'backpressure', on }),
      failed: (error) => this.#fail(error),
    })
  }

  #newHub(): PeerHub {
    return new PeerHub({
      ...this.#shared,
      size: this.#options.committee.size,
      streamLimits: streamLimits(this.#options.committee, this.#options.parameters),
      subscribeAfter: (peer) => highestAcceptedRounds(this.#state)[peer] ?? 0,
      onBlock: (peer, bytes, done) => this.#takeStreamed(peer, bytes, done),
      ownBlocksAfter: (round) => this.#ownBlocksAfter(round),
      answer: (request) => this.#answers.answer(request),
      onSubscribers: () => this.#countSubscribers(),
      onLinked: () => this.#askOwnRound(),
    })
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
      this.#hub.pump()
      acknowledge()
    }
  }

  #setTimer(kind: TimerKind, round: Round, afterMs: number): void {
    const { clock } = this.#options
    clock.clear(this.#timers.get(kind))
    const timer = clock.after(afterMs, () => this.#happen({ type: 'timer', kind, round }))
    this.#timers.set(kind, timer)
  }

  #takeStreamed(from: AuthorityIndex, bytes: Uint8Array, done: () => void): void {
    if (this.#stopped) return
    this.#intake.takeStreamed(from, bytes, (blocks) => {
      done()
      if (blocks.length > 0) this.#happen({ type: 'blocks', from, blocks })
    })
  }

  #takeAnswer(answer: BlockAnswer): void {
    if (this.#stopped) return
    this.#intake.takeAnswer(answer, (blocks) => {
      if (blocks.length > 0) this.#happen({ type: 'blocks', from: answer.from, blocks })
    })
  }

  #ownBlocksAfter(round: Round): readonly SignedBlock[] {
    const blocks = blocksOfAuthor(this.#state, this.#options.own, round)
    return blocks.filter(({ ref }) => ref.round <= this.#safeOwnRound)
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
    this.#happen({ type: 'subscribers', count: this.#knowsOwnRound ? this.#hub.subscribers.size : 0 })
  }

  #askOwnRound(): void {
    if (!this.#knowsOwnRound && !this.#stopped) this.#ownRound.askNow()
  }

  #learned(round: Round): void {
    this.#options.log.info({ round }, 'the committee told our last round')
    this.#knowsOwnRound = true
    this.#happen({ type: 'ownLastRoundLearned', round })
    this.#countSubscribers()
  }

  /** Whoever sends what no honest validator sends pays with its link. */
  #refused(from: AuthorityIndex, reason: IntakeRefusal): void {
    this.#refusals.count(from, reason)
    this.#options.log.debug({ from, reason }, 'a block or message was refused')
    this.#hub.punish(from, `the peer broke the protocol: ${reason}`)
  }

  #keepHouse(): void {
    this.#breakSilence()
    this.#log.collect(this.#delivery.acknowledged)
    this.#log.history.rest()
    this.#housekeeping = this.#options.clock.after(housekeepingMs, () => this.#keepHouse())
  }

  /**
   * The newest block of a peer can be lost on the way while the link lives: refused because it was broken, or passed over
   * while we lagged. As no newer block names it, nobody would ever ask for it, and a bare quorum would wait for ever.
   */
  #breakSilence(): void {
    if (!this.#relief.look()) return
    this.#happen({ type: 'standstill' })
    this.#hub.subscribeAgain()
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
    this.#hub.hangUp()
    for (const timer of this.#timers.values()) clock.clear(timer)
    clock.clear(this.#housekeeping)
    this.#queue.stop()
  }
}

function lastCommitOf(records: readonly LogRecord[]): SealedCommit | undefined {
  const last = records.findLast((record) => record.type === 'commit')
  return last?.type === 'commit' ? last.sealed : undefined
}
