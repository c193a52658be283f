import { AT_ONCE } from '../global/global-writes.js';

/** Does the same with many, some at once; positional. */

export async function eachInTurn<Given, Result>(
  given: readonly Given[],
  work: (one: Given) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array<Result>(given.length);
  const left = given.entries();
  const worker = async (): Promise<void> => {
    for (const [i, one] of left) results[i] = await work(one);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, given.length) }, worker));
  return results;
}
