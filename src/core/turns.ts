/**
 * What waits for one thing after the other: what belongs together in the order in which it came, the groups in turns.
 *
 * @example
 * const turns = new Turns<string>()
 * turns.add('a', 'a1'), turns.add('a', 'a2'), turns.add('b', 'b1')
 * turns.next() // 'a1', then 'b1', then 'a2'
 */
export class Turns<T> {
  readonly #groups = new Map<string, T[]>()

  add(group: string, item: T): void {
    const items = this.#groups.get(group)
    if (items === undefined) this.#groups.set(group, [item])
    else items.push(item)
  }

  /** The next one, taken out; its group is last in line now. */
  next(): T | undefined {
    const [first] = this.#groups
    if (first === undefined) return undefined
    const [group, items] = first
    this.#groups.delete(group)
    const item = items.shift()
    if (items.length > 0) this.#groups.set(group, items)
    return item
  }
}
