import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { crossSlot, type ResolvedCall } from '../../cluster/command/resolved-call.js';

/** Rejects a call without a slot that a single node cannot answer. @throws CrossSlotError, InvalidArgumentError */
export function refuseFanOut(call: ResolvedCall): void {
  const { row, args } = call;
  if (row.request === 'split') throw crossSlot(row, args);
  if (row.request !== 'slot' && row.request !== 'defaultNode') {
    throw new InvalidArgumentError(
      'command',
      `${row.name} runs on several nodes, which a pipeline cannot do. Call it on the client.`,
    );
  }
}
