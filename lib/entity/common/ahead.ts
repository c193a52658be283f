/**
 * Returns the same items in the same order, but requests `count` of them now, and keeps as many requests in flight. An
 * error is thrown in the place of its item.
 */
export function ahead<T>(items: AsyncGenerator<T>, count = 1): AsyncGenerator<T> {
  const asked: Promise<IteratorResult<T>>[] = [];
  const ask = (): void => {
    const next = items.next();
    next.catch(() => undefined); // thrown when its turn comes
    asked.push(next);
  };
  for (let i = 0; i < count; i++) ask();
  return inTurn(items, asked, ask);
}

async function* inTurn<T>(
  items: AsyncGenerator<T>,
  asked: Promise<IteratorResult<T>>[],
  ask: () => void,
): AsyncGenerator<T> {
  try {
    for (;;) {
      const { done, value } = await asked.shift()!;
      if (done) return;
      ask();
      yield value as T;
    }
  } finally {
    await items.return(undefined);
  }
}
