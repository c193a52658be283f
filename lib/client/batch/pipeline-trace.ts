import { batchFields, followAll, noteFailure } from '../../cluster/batch-trace.js';
import type { BatchedCommand } from '../../cluster/command/batch.js';
import { CallTrace, emptyRouting } from '../../cluster/diagnostics/call-trace.js';
import { pipelineChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotPipelineContext } from '../../cluster/diagnostics/contexts.js';
import { contextOf, traced, type ContextOptions } from '../../cluster/diagnostics/traced.js';

/** Creates the context of an execution, and lets it follow the commands. Undefined if nobody listens. */
export function followPipeline(
  entries: readonly BatchedCommand[],
  options: ContextOptions & { readonly telemetryKeys: boolean },
): KeyslotPipelineContext | undefined {
  if (!pipelineChannel.hasSubscribers || entries.length === 0) return undefined;
  const context: KeyslotPipelineContext = {
    ...contextOf(options),
    ...batchFields(entries, options.telemetryKeys),
    ...emptyRouting(),
    failed: 0,
  };
  followAll(entries, new CallTrace(context));
  return context;
}

/** Publishes the course of an iteration over replies, whose end is when the caller leaves the loop. */
export class RepliesTrace {
  private end!: () => void;

  constructor(private readonly context: KeyslotPipelineContext) {
    void traced(pipelineChannel, context, () => new Promise<void>((resolve) => (this.end = resolve)));
  }

  failed(error: Error): void {
    noteFailure(this.context, error);
  }

  ended(): void {
    this.end();
  }
}
