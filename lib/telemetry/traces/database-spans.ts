import { SpanKind } from '@opentelemetry/api';
import type {
  KeyslotCommandContext,
  KeyslotConnectContext,
  KeyslotEntityContext,
  KeyslotPipelineContext,
  KeyslotTopologyContext,
  KeyslotTransactionContext,
} from '../../cluster/diagnostics/contexts.js';
import { databaseOf } from '../../cluster/diagnostics/client-databases.js';
import { ATTRIBUTES, SYSTEM } from '../common/attribute-names.js';
import { AttributeCache } from '../common/attribute-cache.js';
import { defined } from '../common/defined.js';
import { batchName, batchSizeOf } from '../common/operation-name.js';
import { addNodeSpans, databaseAttributes, serverAttributes, setRouting } from './routing-details.js';
import type { SpanShape } from './span-shape.js';

const commands = new AttributeCache();

export const commandSpans: SpanShape<KeyslotCommandContext> = {
  kind: SpanKind.CLIENT,
  name: ({ command }) => command,
  attributes: ({ command, clientId, clientName = '' }) =>
    commands.get(`${command} ${databaseOf(clientId)} ${clientName}`, () =>
      defined({ ...databaseAttributes(command, { clientId }), [ATTRIBUTES.client]: clientName || undefined }),
    ),
  finish: (span, context, tracer) => {
    const { slot, keys } = context;
    if (slot !== undefined) span.setAttribute(ATTRIBUTES.slot, slot);
    if (keys !== undefined) span.setAttribute(ATTRIBUTES.keys, keys.slice());
    setRouting(span, context);
    if (context.kind === 'fanOut') addNodeSpans(span, context.command, context, tracer);
  },
};

export const pipelineSpans: SpanShape<KeyslotPipelineContext> = {
  kind: SpanKind.CLIENT,
  name: (context) => batchName('PIPELINE', context),
  attributes: (context) =>
    defined({
      ...databaseAttributes(batchName('PIPELINE', context), context, batchSizeOf(context.batchSize)),
      [ATTRIBUTES.client]: context.clientName,
      [ATTRIBUTES.keys]: context.keys?.slice(),
    }),
  finish: (span, context, tracer) => {
    setRouting(span, context);
    addNodeSpans(span, batchName('PIPELINE', context), context, tracer);
  },
};

export const transactionSpans: SpanShape<KeyslotTransactionContext> = {
  kind: SpanKind.CLIENT,
  name: (context) => batchName('MULTI', context),
  attributes: (context) =>
    defined({
      ...databaseAttributes(batchName('MULTI', context), context),
      [ATTRIBUTES.client]: context.clientName,
      [ATTRIBUTES.slot]: context.slot,
      [ATTRIBUTES.keys]: context.keys?.slice(),
    }),
  finish: (span, context) => {
    const name = batchName('MULTI', context);
    // a transaction() shows its commands when its function has run
    span.updateName(name);
    span.setAttributes(defined(databaseAttributes(name, context, batchSizeOf(context.batchSize))));
    if (context.conflicts > 0) span.setAttribute(ATTRIBUTES.conflicts, context.conflicts);
    setRouting(span, context);
  },
};

/** An operation of a repository. Its commands are the calls of the database, so that it is not one itself. */
export const entitySpans: SpanShape<KeyslotEntityContext> = {
  kind: SpanKind.INTERNAL,
  name: ({ operation, entity }) => `${operation} ${entity}`,
  attributes: ({ operation, entity, clientName, batchSize }) =>
    defined({
      [ATTRIBUTES.dbSystem]: SYSTEM,
      [ATTRIBUTES.dbCollection]: entity,
      [ATTRIBUTES.dbOperation]: operation,
      [ATTRIBUTES.dbBatchSize]: batchSize === undefined ? undefined : batchSizeOf(batchSize),
      [ATTRIBUTES.client]: clientName,
    }),
};

export const connectSpans: SpanShape<KeyslotConnectContext> = {
  kind: SpanKind.CLIENT,
  name: () => 'connect',
  attributes: ({ purpose, address, port, clientName }) =>
    defined({
      [ATTRIBUTES.dbSystem]: SYSTEM,
      [ATTRIBUTES.purpose]: purpose,
      [ATTRIBUTES.client]: clientName,
      ...serverAttributes(address, port),
    }),
};

export const topologySpans: SpanShape<KeyslotTopologyContext> = {
  kind: SpanKind.CLIENT,
  name: () => 'CLUSTER SLOTS',
  attributes: ({ reason, clientId, clientName }) =>
    defined({
      ...databaseAttributes('CLUSTER SLOTS', { clientId }),
      [ATTRIBUTES.reason]: reason,
      [ATTRIBUTES.client]: clientName,
    }),
};
