import type { ClientUnderTest } from './session.js';
import { glide } from './clients/glide.js';
import { ioredis } from './clients/ioredis.js';
import { keyslot } from './clients/keyslot.js';
import { nodeRedis } from './clients/node-redis.js';

/** The clients by the names of `--client`. Those that are not installed throw when they are asked for. */
export const clients: Readonly<Record<string, () => ClientUnderTest>> = {
  keyslot: () => keyslot,
  ioredis,
  'node-redis': nodeRedis,
  glide,
};
