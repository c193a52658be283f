import { ReplyError } from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { TemporaryExpiredError } from '../non-atomic-errors.js';
import { TEMPORARY_TTL_MS, temporaryKey, type Steps } from '../steps.js';

/** What one command brings at most. */
const CHUNK = { elements: 1_000, bytes: 1024 * 1024 };

/**
 * Makes a set or list of these elements and puts it in the place of a key, which holds what it held before or the
 * whole of the new, at every moment. Nothing in it deletes the key. The collection grows under a name of its own
 * that expires.
 * @returns how many elements there are
 */
export async function replaceCollection(
  steps: Steps,
  operation: string,
  key: Argument,
  add: 'sadd' | 'rpush',
  elements: readonly Buffer[],
): Promise<number> {
  if (elements.length === 0) {
    await steps.call('del', key);
    return 0;
  }
  const temporary = temporaryKey(steps.slotOf(key));
  let started = 0;
  for (const chunk of chunksOf(elements)) {
    const [exists] = await steps.atomically([
      ['exists', temporary],
      [add, temporary, ...chunk],
      ['pexpire', temporary, TEMPORARY_TTL_MS],
    ]);
    // a process that was suspended for long would go on with half of it
    if (exists !== started) throw new TemporaryExpiredError(operation);
    started = 1;
  }
  // in this order: where it has expired, the first does nothing and the second fails
  try {
    await steps.atomically([
      ['persist', temporary],
      ['rename', temporary, key],
    ]);
  } catch (error) {
    if (error instanceof ReplyError && error.code === 'ERR')
      throw new TemporaryExpiredError(operation, error);
    throw error;
  }
  return elements.length;
}

function* chunksOf(elements: readonly Buffer[]): Generator<Buffer[]> {
  let chunk: Buffer[] = [];
  let bytes = 0;
  for (const element of elements) {
    if (chunk.length === CHUNK.elements || (chunk.length > 0 && bytes + element.length > CHUNK.bytes)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(element);
    bytes += element.length;
  }
  yield chunk;
}
