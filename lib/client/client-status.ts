import type { EngineState } from '../cluster/common/engine-state.js';

/** The state of a client, in the terms of ioredis. */
export type ClusterStatus = 'wait' | 'connecting' | 'ready' | 'disconnecting' | 'end';

const STATUS: Readonly<Record<EngineState, ClusterStatus>> = {
  wait: 'wait',
  connecting: 'connecting',
  ready: 'ready',
  closing: 'disconnecting',
  end: 'end',
};

/** Returns the state of the engine in the terms of ioredis. */
export const statusOf = (state: EngineState): ClusterStatus => STATUS[state];
