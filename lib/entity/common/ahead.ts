/**
 * The same items in the same order, of which `count` are asked for now, and as many all the time while one is in use.
 * An error is thrown where its item would be.
 */
export function ahead<T>(items: AsyncGenerator<T>, count = 1): AsyncGenerator<T> {
  const asked: Promise<IteratorResult<T>>[] = [];
  const ask = (): void => {
    const next = items.next();
    next.catch(() => undefined); // it is thrown below
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
