/**
 * - `idle`: no connection, and none needed yet
 * - `connecting`: a socket is opening or shaking hands
 * - `ready`: commands flow
 * - `backoff`: no connection; the next attempt follows in a moment
 * - `closed`: for good
 */
export type ChannelState = 'idle' | 'connecting' | 'ready' | 'backoff' | 'closed';
