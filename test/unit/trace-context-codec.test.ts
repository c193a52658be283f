import { context, propagation, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InvalidArgumentError } from 'keyslot';
import { traceContextCodec, traceContextOf, withTraceContext } from 'keyslot/telemetry';

const SPAN = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
};
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const traced = trace.setSpanContext(ROOT_CONTEXT, SPAN);

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  context.disable();
  propagation.disable();
});

const bytesOf = async (payload: PromiseLike<string | Buffer> | string | Buffer): Promise<Buffer> =>
  Buffer.from(await payload);

describe.each([
  ['json', { a: ['ü', 1] }],
  ['text', 'a line\nand another'],
  ['binary', Buffer.from([0, 10, 255])],
] as const)('the codec over %s', (name, value) => {
  const codec = traceContextCodec(name);

  it('carries the active context with the value', async () => {
    const raw = await bytesOf(context.with(traced, () => codec.encode(value)));
    expect(codec.headers?.(raw)).toEqual({ traceparent: TRACEPARENT });
    expect(await codec.decode(raw)).toEqual(value);
  });

  it('writes plain messages outside of a trace', async () => {
    const raw = await bytesOf(codec.encode(value));
    expect(raw.toString('latin1')).not.toContain('keyslot-trace');
    expect(codec.headers?.(raw)).toBeUndefined();
    expect(await codec.decode(raw)).toEqual(value);
  });
});

it.each([
  ['no headers', '\0keyslot-trace:\n"value"', undefined],
  ['no JSON', '\0keyslot-trace:{traceparent\n"value"', undefined],
  ['no object', '\0keyslot-trace:null\n"value"', undefined],
  ['values that are not text', '\0keyslot-trace:{"a":1,"b":"c"}\n"value"', { b: 'c' }],
])('headers that another program has corrupted do not lose the message: %s', async (_name, text, headers) => {
  const codec = traceContextCodec();
  expect(codec.headers?.(Buffer.from(text))).toEqual(headers);
  expect(await codec.decode(Buffer.from(text))).toBe('value');
});

it('an invalid codec is rejected', () => {
  expect(() => traceContextCodec('xml' as 'json')).toThrow(InvalidArgumentError);
});

it('the context of a message is that of its publisher', () => {
  const message = { headers: { traceparent: TRACEPARENT } };
  expect(trace.getSpanContext(traceContextOf(message))).toEqual({ ...SPAN, isRemote: true });
  expect(traceContextOf({})).toBe(ROOT_CONTEXT);
  const inside = withTraceContext(message, () => trace.getSpanContext(context.active())?.traceId);
  expect(inside).toBe(SPAN.traceId);
});
