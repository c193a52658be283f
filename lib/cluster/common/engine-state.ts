/**
 * - `wait`: not connected, and no call has been made yet
 * - `connecting`: finding the cluster
 * - `ready`: commands flow
 * - `closing`: the client drains what is in flight, and accepts no new calls
 * - `end`: closed for good
 */
export type EngineState = 'wait' | 'connecting' | 'ready' | 'closing' | 'end';
