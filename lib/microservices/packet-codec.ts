import { types } from 'node:util';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { toJsonText } from '../cluster/common/json-text.js';
import { currentTraceHeaders } from '../cluster/diagnostics/trace-headers.js';
import type { MessageCodec } from '../pubsub/messages/message-codec.js';

/**
 * Packets are JSON. Any other payload is passed on as text: another kind of publisher sent it, and it is an
 * event.
 */
export const packetCodec: MessageCodec = {
  // called while the message is published, whose span is the context to send
  encode: (packet) => writePacket(withTrace(packet)),
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

/** Returns the own properties of an error, which is what JSON would write; any other value unchanged. */
export function plainError(err: unknown): unknown {
  return types.isNativeError(err) && !('toJSON' in err) && Object.keys(err).length > 0 ? { ...err } : err;
}

/** Adds the trace context to the metadata of a packet, if there is one. */
function withTrace(packet: unknown): unknown {
  const headers = currentTraceHeaders();
  if (headers === undefined || typeof packet !== 'object' || packet === null) return packet;
  const { metadata } = packet as { metadata?: object };
  return { ...packet, metadata: { ...metadata, ...headers } };
}
