import { InvalidArgumentError } from '../cluster/errors.js';
import type { MessageCodec } from '../pubsub/codec.js';

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
  let text: string | undefined;
  try {
    text = JSON.stringify(packet);
  } catch {
    // the engine's message may repeat what is in the packet
  }
  if (text !== undefined) return text;
  throw new InvalidArgumentError('packet', 'A packet must be JSON, without a bigint or a cycle, for example');
}
