/** Appends items to a list, any number of them: a call takes some 60,000 arguments at least, and not many more. */
export function pushAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
