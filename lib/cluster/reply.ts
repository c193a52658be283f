import type { ReplyError } from './errors.js';

/** What a server can answer, in the shapes of RESP2 (as ioredis gives them by default). */
export type Reply = string | number | bigint | boolean | Buffer | null | ReplyError | Reply[];

/** Sends one command on a connection, and gives the reply; rejects with a ReplyError where the server refuses. */
export type Ask = (name: string, ...args: string[]) => Promise<Reply>;
