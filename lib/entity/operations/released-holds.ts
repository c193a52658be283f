import type { Released, RowOperation } from './row-operation.js';
import { TOKEN_LENGTH } from '../scripts/operation-token.js';

/**
 * Decodes the entries that a commit released. The answer has three elements for each: the operation, counted from 1,
 * the index, and the hold.
 */
export function releasedFrom(answer: readonly string[], operations: readonly RowOperation[]): Released[] {
  const released: Released[] = [];
  for (let i = 0; i + 2 < answer.length; i += 3) {
    const { key, schema } = operations[Number(answer[i]) - 1];
    const index = schema.globals.find(({ name }) => name === answer[i + 1])!;
    const hold = answer[i + 2];
    const entry = { schema, index, key, encodings: hold.slice(TOKEN_LENGTH) };
    released.push({ entry, token: hold.slice(0, TOKEN_LENGTH) });
  }
  return released;
}
