import { groupRules, structuralRules } from './error-patterns-codes.ts'
import { textRules } from './error-patterns-text.ts'
import type { ErrorRule } from './error-rule.ts'

/** All rules, in the order in which they are tried: structure first, words last. */
export const errorRules: readonly ErrorRule[] = [...structuralRules, ...textRules, ...groupRules]
