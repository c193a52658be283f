import type { MessageCodec } from '../pubsub/codec.js';

/** Packets are JSON. What is not is passed on as text: a publisher of another kind, whose messages are events. */
export const packetCodec: MessageCodec = {
  encode: (packet) => JSON.stringify(packet),
  decode: (payload) => {
    const text = payload.toString();
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  },
};
