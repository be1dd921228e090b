import {
  ByteListType,
  ByteVectorType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  UintNumberType,
} from '@chainsafe/ssz'

// The formats as SSZ types, for whoever reads our bytes with other means. Blocks and commits are coded by hand for speed;
// a test holds both against these.

const uint16 = new UintNumberType(2)
const uint32 = new UintNumberType(4)
const uint64 = new UintNumberType(8)
const digest = new ByteVectorType(32)
const limit = 2 ** 32

export const BlockRefSchema = new ContainerType({ round: uint32, author: uint16, digest })
export const CommitRefSchema = new ContainerType({ index: uint32, digest })

export const TransactionVoteSchema = new ContainerType({
  block: BlockRefSchema,
  rejects: new ListBasicType(uint16, 2 ** 16),
})

export const DagBlockSchema = new ContainerType({
  epoch: uint64,
  round: uint32,
  author: uint16,
  timestampMs: uint64,
  ancestors: new ListCompositeType(BlockRefSchema, 2 ** 16),
  transactions: new ListCompositeType(new ByteListType(limit), 2 ** 16),
  commitVotes: new ListCompositeType(CommitRefSchema, 2 ** 16),
  transactionVotes: new ListCompositeType(TransactionVoteSchema, limit),
})

export const SignedBlockSchema = new ContainerType({ block: DagBlockSchema, signature: new ByteVectorType(64) })

export const CommitSchema = new ContainerType({
  index: uint32,
  previousDigest: digest,
  timestampMs: uint64,
  leader: BlockRefSchema,
  blocks: new ListCompositeType(BlockRefSchema, limit),
  rejected: new ListCompositeType(TransactionVoteSchema, limit),
  scores: new ListBasicType(uint64, 2 ** 16),
})

const OpenCommitSchema = new ContainerType({
  /** SSZ of a {@link CommitSchema}. */
  commit: new ByteListType(limit),
  authors: new ListBasicType(uint16, limit),
  votes: new ListCompositeType(TransactionVoteSchema, limit),
})

export const CheckpointSchema = new ContainerType({
  /** SSZ of a {@link CommitSchema}. */
  commit: new ByteListType(limit),
  leaders: new ListBasicType(uint16, 2 ** 16),
  /** The lowest round that is still needed: one above the collected ones. */
  lowestRound: uint32,
  committed: new ListCompositeType(BlockRefSchema, limit),
  open: new ListCompositeType(OpenCommitSchema, limit),
  /** At most one: absent while an empty disk does not know its own last round. */
  ownRound: new ListBasicType(uint32, 1),
  orphaned: new ListCompositeType(new ByteListType(limit), limit),
})
