import type { Channel } from 'node:diagnostics_channel';
import {
  commandChannel,
  connectChannel,
  pipelineChannel,
  publishChannel,
  topologyChannel,
  transactionChannel,
  type KeyslotChannel,
} from '../diagnostics/channels.js';
import type {
  KeyslotCommandContext,
  KeyslotConnectContext,
  KeyslotContext,
  KeyslotPipelineContext,
  KeyslotPublishContext,
  KeyslotRouting,
  KeyslotTopologyContext,
  KeyslotTransactionContext,
} from '../diagnostics/contexts.js';
import { epochMs } from '../diagnostics/traced.js';
import { shownCode } from '../stats/counts.js';
import type { ClusterLogger, LogFields, LogKind } from './log-entry.js';
import { LogWriter } from './log-writer.js';

/** The options of a client that concern its log. */
export interface LogOptions {
  readonly clientId: number;
  readonly clientName: string | undefined;
  readonly logging: ReadonlySet<LogKind>;
  readonly slowMs: number;
  readonly logger: ClusterLogger;
}

/** A call of any kind, as the log sees it. */
interface LoggedCall extends LogFields {
  readonly command: string;
  /** How long it may wait on purpose, in ms. */
  readonly waitMs?: number | undefined;
}

/** Logs what one client does. It listens to the tracing channels, so that nothing is spent where nothing is logged. */
export class ClientLog {
  private readonly writer: LogWriter;
  private readonly stops: (() => void)[] = [];

  constructor(private readonly options: LogOptions) {
    this.writer = new LogWriter(options.logger, options.clientName);
  }

  /** Begins to listen, unless it does already. */
  start(): void {
    if (this.stops.length > 0) return;
    const { logging } = this.options;
    if (logging.has('error') || logging.has('slow') || logging.has('command')) {
      this.listen(commandChannel, (context) => this.called(context, commandOf(context)));
      this.listen(pipelineChannel, (context) => this.called(context, pipelineOf(context)));
      this.listen(transactionChannel, (context) => this.called(context, transactionOf(context)));
      this.listen(publishChannel, (context) => this.called(context, publicationOf(context)));
    }
    if (logging.has('error')) this.listen(connectChannel, (context) => this.connected(context));
    if (logging.has('error') || logging.has('topology'))
      this.listen(topologyChannel, (context) => this.topologyRead(context));
  }

  /** Stops listening. */
  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.writer.end();
  }

  /** Logs something about the topology that is in no channel. */
  topology(message: string, fields: LogFields = {}): void {
    if (this.options.logging.has('topology')) this.writer.write('topology', 'info', message, fields);
  }

  /** Logs that announced addresses do not lead to their nodes, or that a node does not support what an option needs. */
  unsupported(message: string, fields: LogFields): void {
    if (this.options.logging.has('topology')) this.writer.write('topology', 'warn', message, fields);
  }

  private listen<C extends KeyslotContext>(channel: KeyslotChannel<C>, log: (context: C) => void): void {
    const { clientId } = this.options;
    const listener = (message: unknown): void => {
      const context = message as C;
      if (context.clientId === clientId) log(context);
    };
    const ended = channel.asyncEnd as Channel;
    ended.subscribe(listener);
    this.stops.push(() => void ended.unsubscribe(listener));
  }

  private called(context: KeyslotContext, { waitMs = 0, ...call }: LoggedCall): void {
    const { logging, slowMs } = this.options;
    const durationMs = durationOf(context);
    const { outcome } = context;
    const failed = outcome !== 'ok';
    const fields: LogFields = {
      ...call,
      durationMs,
      outcome,
      ...(failed && { errorCode: shownCode(context.errorCode) }),
    };
    if (failed && logging.has('error')) this.writer.write('error', 'error', lineOf(fields), fields);
    if (durationMs - waitMs > slowMs && logging.has('slow'))
      this.writer.write('slow', 'warn', `Slow: ${lineOf(fields)}`, fields);
    if (logging.has('command')) this.writer.write('command', 'debug', lineOf(fields), fields);
  }

  private connected(context: KeyslotConnectContext): void {
    if (context.outcome === 'ok') return;
    const { node, purpose } = context;
    const fields = { node, durationMs: durationOf(context), errorCode: shownCode(context.errorCode) };
    const what = node === undefined ? 'The client could not connect' : `No ${purpose} connection to ${node}`;
    this.writer.write('error', 'error', `${what}: ${fields.errorCode} (${ms(fields.durationMs)})`, fields);
  }

  private topologyRead(context: KeyslotTopologyContext): void {
    const { logging } = this.options;
    const { outcome, reason, changed, version, nodeCount, coveredSlots } = context;
    const durationMs = durationOf(context);
    if (outcome !== 'ok' && logging.has('error')) {
      const fields = { durationMs, errorCode: shownCode(context.errorCode) };
      const message = `The topology could not be read: ${fields.errorCode} (${reason}, ${ms(durationMs)})`;
      this.writer.write('error', 'error', message, fields);
    }
    if (changed === true)
      this.topology(
        `The topology has changed: version ${version}, ${nodeCount} nodes, ${coveredSlots} slots (${reason})`,
        { version, durationMs },
      );
  }
}

const routingOf = ({ node, attempts, redirects }: KeyslotRouting): LogFields => ({
  node,
  attempts,
  redirects: redirects.moved + redirects.ask,
});

const commandOf = (context: KeyslotCommandContext): LoggedCall => ({
  command: context.command,
  slot: context.slot,
  ...routingOf(context),
  waitMs: context.waitMs,
});

const pipelineOf = (context: KeyslotPipelineContext): LoggedCall => ({
  command: 'PIPELINE',
  batchSize: context.batchSize,
  ...routingOf(context),
});

const transactionOf = (context: KeyslotTransactionContext): LoggedCall => ({
  command: context.kind === 'multi' ? 'MULTI' : 'TRANSACTION',
  batchSize: context.batchSize,
  slot: context.slot,
  ...routingOf(context),
});

const publicationOf = (context: KeyslotPublishContext): LoggedCall => ({
  command: context.kind === 'sharded' ? 'SPUBLISH' : 'PUBLISH',
  batchSize: context.batchSize,
  ...routingOf(context),
});

const durationOf = ({ startedAt }: KeyslotContext): number => Math.max(0, epochMs() - startedAt);

const ms = (duration: number): string => `${duration.toFixed(1)} ms`;

/** `HSET failed with WRONGTYPE on 10.0.0.1:7000 (slot 93, 2 attempts, 1 redirect, 1.4 ms)` */
function lineOf({ command, errorCode: code, outcome, node, ...fields }: LogFields): string {
  const { batchSize, slot, attempts = 0, redirects = 0, durationMs = 0 } = fields;
  const failure =
    code === undefined ? '' : ` ${outcome === 'unknown' ? 'has an unknown outcome:' : 'failed with'} ${code}`;
  const details = [
    batchSize === undefined ? '' : `${batchSize} commands`,
    slot === undefined ? '' : `slot ${slot}`,
    plural(attempts, 'attempt'),
    plural(redirects, 'redirect'),
    ms(durationMs),
  ].filter((detail) => detail !== '');
  return `${command}${failure}${node === undefined ? '' : ` on ${node}`} (${details.join(', ')})`;
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
