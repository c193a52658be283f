import type { ReplyError } from './errors.js';

/** What a server can answer, in the shapes of RESP2 (as ioredis gives them by default). */
export type Reply = string | number | bigint | boolean | Buffer | null | ReplyError | Reply[];
