import { ReplyError } from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { TemporaryExpiredError } from '../non-atomic-errors.js';
import { TEMPORARY_TTL_MS, temporaryKey, type Steps } from '../steps.js';

/** What one command adds at most. */
const CHUNK = { elements: 1_000, bytes: 1024 * 1024 };

/**
 * Creates a set or list of these elements and replaces a key with it. At every moment the key holds its former
 * value or the complete new one, and no step deletes it. The new collection grows under a name of its own that
 * expires.
 * @returns the number of elements
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
    // a process that was suspended for long would otherwise continue with half of it
    if (exists !== started) throw new TemporaryExpiredError(operation);
    started = 1;
  }
  // in this order: if the key has expired, the first does nothing and the second fails
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
