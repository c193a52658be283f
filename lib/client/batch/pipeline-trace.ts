import { batchFields, noteFailure } from '../../cluster/batch-trace.js';
import type { BatchEntry } from '../../cluster/batch/sent-batch.js';
import { CallTrace, emptyRouting } from '../../cluster/diagnostics/call-trace.js';
import { pipelineChannel } from '../../cluster/diagnostics/channels.js';
import type { KeyslotPipelineContext } from '../../cluster/diagnostics/contexts.js';
import { contextOf, traced, type ContextOptions } from '../../cluster/diagnostics/traced.js';

/** The context of an execution, and what follows its commands. */
export interface FollowedPipeline {
  readonly context: KeyslotPipelineContext;
  readonly trace: CallTrace;
}

/** Creates the context of an execution. Undefined if nobody listens. */
export function followPipeline(
  entries: readonly BatchEntry[],
  options: ContextOptions & { readonly telemetryKeys: boolean },
): FollowedPipeline | undefined {
  if (!pipelineChannel.hasSubscribers || entries.length === 0) return undefined;
  const context: KeyslotPipelineContext = {
    ...contextOf(options),
    ...batchFields(entries, options.telemetryKeys),
    ...emptyRouting(),
    failed: 0,
  };
  return { context, trace: new CallTrace(context) };
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
