import { InvalidArgumentError } from '../cluster/common/errors.js';
import { toJsonText } from '../cluster/common/json-text.js';
import type { MessageCodec } from '../pubsub/messages/message-codec.js';

/**
 * Packets are JSON. Any other payload is passed on as text: another kind of publisher sent it, and it is an
 * event.
 */
export const packetCodec: MessageCodec = {
  encode: (packet) => writePacket(packet),
  decode: (payload) => {
    const text = payload.toString();
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  },
};

/** Writes a packet as JSON. @throws InvalidArgumentError for a value that JSON cannot represent */
export function writePacket(packet: unknown): string {
  const text = toJsonText(packet);
  if (text !== undefined) return text;
  throw new InvalidArgumentError(
    'packet',
    'A packet must be JSON. It contains a value that JSON cannot represent, such as a promise, a Map, a Set, an Error, ' +
      'NaN, a bigint or a cycle',
  );
}
