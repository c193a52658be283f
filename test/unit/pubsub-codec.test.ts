import { type Codec, type CodecName, InvalidArgumentError } from 'keyslot';
import { resolveCodec } from '../../lib/pubsub/messages/codec.js';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** What comes out at the other end. */
function carried(name: CodecName, value: unknown): unknown {
  const codec = resolveCodec(name);
  return codec.decode(Buffer.from(codec.encode(value) as string));
}

describe('the codecs', () => {
  it.each<[CodecName, unknown]>([
    ['json', { a: [1, 'zwei', null, true] }],
    ['json', null],
    ['json', 'ünïcödé \u2028 🎉'],
    ['text', ''],
    ['text', '{"not": "read"}'],
    ['text', 'ünïcödé 🎉'],
    ['binary', everyByte],
    ['binary', Buffer.alloc(0)],
  ])('%s carries %j', (name, value) => {
    expect(carried(name, value)).toEqual(value);
  });

  it('binary sends only the part of memory that a view covers', () => {
    expect(carried('binary', new Uint8Array(everyByte.buffer, everyByte.byteOffset + 3, 2))).toEqual(
      Buffer.from([3, 4]),
    );
  });

  const circular: Record<string, unknown> = { secret: 's3cret' };
  circular.itself = circular;
  it.each<[CodecName, unknown]>([
    ['json', undefined],
    ['json', () => 1],
    ['json', 1n],
    ['json', circular],
    ['text', 1],
    ['text', Buffer.from('a')],
    ['binary', 'text'],
    ['binary', { length: 1 }],
  ])('%s rejects %p, without the value in the error', (name, value) => {
    expect(() => resolveCodec(name).encode(value)).toThrow(InvalidArgumentError);
    expect(() => resolveCodec(name).encode(value)).not.toThrow(/s3cret/);
  });

  it.each<[CodecName, Buffer]>([
    ['json', Buffer.from('{"a":')],
    ['json', Buffer.alloc(0)],
    ['json', Buffer.from([0x22, 0xff, 0x22])],
    ['text', Buffer.from([0xc3, 0x28])],
  ])('%s does not decode %p', (name, payload) => {
    expect(() => resolveCodec(name).decode(payload)).toThrow();
  });

  it('a custom codec is used as it is', () => {
    const own = { encode: (value: number) => String(value), decode: Number };
    expect(resolveCodec(own)).toBe(own);
  });

  it.each([['yaml'], ['toString'], [{}], [{ encode: () => '' }], [null], [7]])(
    '%p is not a codec',
    (codec) => {
      expect(() => resolveCodec(codec as Codec)).toThrow(InvalidArgumentError);
    },
  );
});
