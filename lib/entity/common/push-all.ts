/** Appends any number of items to a list. A JavaScript call, as in `push(...items)`, accepts about 60,000 arguments. */
export function pushAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
