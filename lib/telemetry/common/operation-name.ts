import type {
  KeyslotPipelineContext,
  KeyslotTransactionContext,
} from '../../cluster/diagnostics/contexts.js';

type BatchContext = KeyslotPipelineContext | KeyslotTransactionContext;

/**
 * Returns `db.operation.name` of a batch, as the conventions for Redis have it: `PIPELINE`, or `PIPELINE GET` if all
 * commands are the same. A batch of one command is that command.
 */
export function batchName(word: 'PIPELINE' | 'MULTI', { commands, batchSize }: BatchContext): string {
  if (commands.length !== 1) return word;
  return batchSize === 1 ? commands[0] : `${word} ${commands[0]}`;
}

/** Returns `db.operation.batch.size`; undefined for a batch of one command, which is none. */
export const batchSizeOf = (size: number): number | undefined => (size === 1 ? undefined : size);
