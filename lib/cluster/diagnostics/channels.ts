import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel';
import type {
  KeyslotCommandContext,
  KeyslotConnectContext,
  KeyslotEntityContext,
  KeyslotMessageContext,
  KeyslotPipelineContext,
  KeyslotPublishContext,
  KeyslotTopologyContext,
  KeyslotTransactionContext,
} from './contexts.js';

/** The context of each channel, by the channel's name. */
export interface KeyslotContexts {
  'keyslot:command': KeyslotCommandContext;
  'keyslot:pipeline': KeyslotPipelineContext;
  'keyslot:transaction': KeyslotTransactionContext;
  'keyslot:connect': KeyslotConnectContext;
  'keyslot:topology': KeyslotTopologyContext;
  'keyslot:entity': KeyslotEntityContext;
  'keyslot:publish': KeyslotPublishContext;
  'keyslot:message': KeyslotMessageContext;
}

/** The name of a tracing channel. */
export type KeyslotChannelName = keyof KeyslotContexts;

/** A tracing channel of `node:diagnostics_channel`. */
export type KeyslotChannel<C extends object> = TracingChannel<C, C>;

const channel = <N extends KeyslotChannelName>(name: N): KeyslotChannel<KeyslotContexts[N]> =>
  tracingChannel(name);

// held here for good: Node forgets channels that nobody holds
export const commandChannel = channel('keyslot:command');
export const pipelineChannel = channel('keyslot:pipeline');
export const transactionChannel = channel('keyslot:transaction');
export const connectChannel = channel('keyslot:connect');
export const topologyChannel = channel('keyslot:topology');
export const entityChannel = channel('keyslot:entity');
export const publishChannel = channel('keyslot:publish');
export const messageChannel = channel('keyslot:message');

const CHANNELS: { readonly [N in KeyslotChannelName]: KeyslotChannel<KeyslotContexts[N]> } = {
  'keyslot:command': commandChannel,
  'keyslot:pipeline': pipelineChannel,
  'keyslot:transaction': transactionChannel,
  'keyslot:connect': connectChannel,
  'keyslot:topology': topologyChannel,
  'keyslot:entity': entityChannel,
  'keyslot:publish': publishChannel,
  'keyslot:message': messageChannel,
};

/** The names of all tracing channels. */
export const KEYSLOT_CHANNELS = Object.keys(CHANNELS) as readonly KeyslotChannelName[];

/**
 * Returns a tracing channel with the type of its context; the same as `tracingChannel(name)` of
 * `node:diagnostics_channel`.
 */
export function keyslotChannel<N extends KeyslotChannelName>(name: N): KeyslotChannel<KeyslotContexts[N]> {
  return CHANNELS[name];
}
