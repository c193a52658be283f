import { InvalidArgumentError } from '../cluster/common/errors.js';
import { toJsonText } from '../cluster/common/json-text.js';
import type { MessageCodec } from '../pubsub/messages/message-codec.js';

/** Packets are JSON. What is not is passed on as text: a publisher of another kind, whose messages are events. */
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

/** @throws InvalidArgumentError for what JSON cannot hold */
export function writePacket(packet: unknown): string {
  const text = toJsonText(packet);
  if (text !== undefined) return text;
  throw new InvalidArgumentError(
    'packet',
    'A packet must be JSON: without a promise, a Map, a Set, an Error, NaN, a bigint or a cycle, for example',
  );
}
