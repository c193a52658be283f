import { CallLimit } from '../command/call-limit.js';
import { ConnectionError } from '../common/errors.js';
import { authenticate } from '../connection/handshake.js';
import type { NodeChannel } from '../connection/node-channel.js';
import type { Credentials } from '../options/credentials.js';

/**
 * Authenticates the open connections of channels with new credentials.
 * @throws AuthenticationError if a node refuses them; ConnectionError if one does not answer within `timeoutMs`
 */
export async function renewConnections(
  channels: Iterable<NodeChannel>,
  credentials: Credentials,
  timeoutMs: number,
): Promise<void> {
  const open = [...channels].filter(({ state }) => state === 'ready');
  const limit = new CallLimit('AUTH', timeoutMs, undefined);
  const renewed = open.map((channel) =>
    limit.wait(authenticate((...words) => channel.control(...words), credentials)).catch((error: unknown) => {
      if (!limit.ended(error)) throw error;
      throw new ConnectionError(channel.name, `no answer to AUTH within ${timeoutMs} ms`);
    }),
  );
  await Promise.all(renewed);
}
