import { isIP } from 'node:net';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { ReplyError } from '../../cluster/common/errors.js';
import type { KeyslotContext, KeyslotRouting } from '../../cluster/diagnostics/contexts.js';
import { databaseOf } from '../../cluster/diagnostics/client-databases.js';
import { ATTRIBUTES, SYSTEM } from '../common/attribute-names.js';
import { AttributeCache } from '../common/attribute-cache.js';
import { defined } from '../common/defined.js';
import { batchSizeOf } from '../common/operation-name.js';

/** The attributes of each span of a command. */
export const databaseAttributes = (
  operation: string,
  { clientId }: Pick<KeyslotContext, 'clientId'>,
  batchSize?: number,
): Attributes => ({
  [ATTRIBUTES.dbSystem]: SYSTEM,
  [ATTRIBUTES.dbNamespace]: databaseOf(clientId),
  [ATTRIBUTES.dbOperation]: operation,
  [ATTRIBUTES.dbBatchSize]: batchSize,
});

/** The attributes of a node. */
export function serverAttributes(address: string | undefined, port: number | undefined): Attributes {
  if (address === undefined) return {};
  const server = { [ATTRIBUTES.serverAddress]: address, [ATTRIBUTES.serverPort]: port };
  if (isIP(address) === 0) return server;
  return { ...server, [ATTRIBUTES.peerAddress]: address, [ATTRIBUTES.peerPort]: port };
}

/** Marks a span as failed. Messages of errors may name keys, so that the code has to do. */
export function setFailure(span: Span, { outcome, errorCode, error }: Partial<KeyslotContext>): void {
  if (outcome === undefined || outcome === 'ok') return;
  span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode });
  span.setAttribute(ATTRIBUTES.errorType, errorCode ?? '_OTHER');
  if (error instanceof ReplyError) span.setAttribute(ATTRIBUTES.dbStatusCode, error.code);
  if (outcome === 'unknown') span.setAttribute(ATTRIBUTES.outcome, outcome);
}

const servers = new AttributeCache();

/** Adds where the requests of a call went: the node, or nothing if there were several; redirects and retries. */
export function setRouting(span: Span, routing: KeyslotRouting): void {
  const { address, port, nodes, attempts, events } = routing;
  if (routing.node !== undefined && nodes.length <= 1) {
    span.setAttributes(servers.get(routing.node, () => serverAttributes(address, port)));
  }
  if (attempts > 1) span.setAttribute(ATTRIBUTES.attempts, attempts);
  for (const { kind, reason, node, to, at } of events) {
    const attributes = defined({
      [ATTRIBUTES.reason]: reason,
      [ATTRIBUTES.node]: node,
      [ATTRIBUTES.redirectedTo]: to,
    });
    span.addEvent(`keyslot.${kind}`, attributes, at);
  }
}

/** Adds a child for each node that had a part in a call. */
export function addNodeSpans(
  parent: Span,
  operation: string,
  call: KeyslotContext & Pick<KeyslotRouting, 'nodes'>,
  tracer: Tracer,
): void {
  const context = trace.setSpan(ROOT_CONTEXT, parent);
  for (const part of call.nodes) {
    const attributes = defined({
      ...databaseAttributes(operation, call, batchSizeOf(part.commands)),
      ...serverAttributes(part.address, part.port),
    });
    const options = { kind: SpanKind.CLIENT, startTime: part.startedAt, attributes };
    const span = tracer.startSpan(operation, options, context);
    setFailure(span, part);
    span.end(part.endedAt);
  }
}
