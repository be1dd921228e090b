import type { Config } from './schema.ts'

/** What a config file in TypeScript may export: a config, a promise of one, or a function that returns either. */
export type ConfigExport = Config | Promise<Config> | (() => Config | Promise<Config>)

/** Stands where a key is that the config does not have, so that the compiler's message names it. */
interface UnknownKey<Key> {
  readonly thereIsNoSuchKey: Key
  readonly removeIt: never
}

/**
 * `T` with every key that `Shape` does not have made impossible. The compiler itself looks for those in literals only:
 * not in what a function returns, a promise holds or a loop makes.
 */
export type Exact<T, Shape> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Exact<Item, ItemOf<Shape>>[]
    : {
        readonly [Key in keyof T]: Key extends keyof Shape
          ? Exact<T[Key], Exclude<Shape[Key], undefined>>
          : UnknownKey<Key>
      }

type ItemOf<List> = List extends readonly (infer Item)[] ? Item : never

/** {@link ConfigExport} without unknown keys, at any depth. */
export type ExactExport<T> = T extends () => infer Returned
  ? () => ExactExport<Returned>
  : T extends Promise<infer Kept>
    ? Promise<Exact<Kept, Config>>
    : Exact<T, Config>
