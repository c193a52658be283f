import type { TraceHeaders } from '../../cluster/diagnostics/trace-headers.js';
import { resolveCodec, type Codec } from '../../pubsub/messages/codec.js';
import type { MessageCodec } from '../../pubsub/messages/message-codec.js';
import { activeHeaders } from './trace-context.js';

/** What an envelope begins with. No JSON and no text that people write begins with a zero byte. */
const MARK = Buffer.from('\0keyslot-trace:');
/** Separates the headers from the payload. */
const END = 0x0a;

/**
 * Returns a codec that sends the trace context of the publisher along with each message. Handlers whose codec is one
 * of these continue that trace. Give it to publishers and subscribers alike: another codec cannot read its messages.
 * It reads messages without a trace context too, so change the subscribers first.
 *
 * The payload of another codec follows `\0keyslot-trace:`, the headers as JSON, and a line feed. Outside of a trace, a
 * message is sent as that other codec writes it.
 * @param codec writes and reads the payload; default `json`
 * @throws InvalidArgumentError for anything that is not a codec
 */
export function traceContextCodec<T = unknown>(codec: Codec<T> = 'json'): MessageCodec<T> {
  const inner = resolveCodec(codec);
  return {
    encode: async (value) => {
      const headers = activeHeaders();
      const payload = await inner.encode(value);
      return headers === undefined ? payload : withHeaders(headers, payload);
    },
    decode: (raw) => inner.decode(raw.subarray(bodyStart(raw))),
    headers: headersOf,
  };
}

function withHeaders(headers: TraceHeaders, payload: string | Buffer): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Buffer.concat([MARK, Buffer.from(`${JSON.stringify(headers)}\n`), body]);
}

/** Returns where the payload begins: behind the headers, if there are any. */
function bodyStart(raw: Buffer): number {
  return hasMark(raw) ? raw.indexOf(END, MARK.length) + 1 : 0;
}

/** Headers that another program has garbled are left out: the message matters more than its trace. */
function headersOf(raw: Buffer): TraceHeaders | undefined {
  if (!hasMark(raw)) return undefined;
  try {
    const headers: unknown = JSON.parse(raw.toString('utf8', MARK.length, bodyStart(raw)));
    const entries = Object.entries(headers as object).filter(([, value]) => typeof value === 'string');
    return Object.fromEntries(entries) as TraceHeaders;
  } catch {
    return undefined;
  }
}

const hasMark = (raw: Buffer): boolean => raw.subarray(0, MARK.length).equals(MARK);
