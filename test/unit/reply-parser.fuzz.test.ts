import { createRequire } from 'node:module';
import { ProtocolError, ReplyError } from 'keyslot';
import { ReplyParser } from '../../lib/cluster/protocol/reply-parser.js';

// ioredis has neither exports nor ES modules, so that its own decoder can be the yardstick
const require = createRequire(import.meta.url);
const { Decoder, RESP_TYPES } =
  require('ioredis/built/resp/decoder.js') as typeof import('ioredis/built/resp/decoder.js');
const { convertBufferToString } =
  require('ioredis/built/utils/index.js') as typeof import('ioredis/built/utils/index.js');

/** What ioredis 6 calls the legacy mapping, its default. */
const LEGACY_MAPPING = {
  [RESP_TYPES.SIMPLE_STRING]: Buffer,
  [RESP_TYPES.BLOB_STRING]: Buffer,
  [RESP_TYPES.VERBATIM_STRING]: Buffer,
  [RESP_TYPES.BIG_NUMBER]: String,
  [RESP_TYPES.DOUBLE]: Buffer,
  [RESP_TYPES.BOOLEAN]: Number,
  [RESP_TYPES.MAP]: Array,
  [RESP_TYPES.SET]: Array,
};

type Random = (below: number) => number;

/** Mulberry32: a small generator with a seed, so that a failure can be had again. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const FIRST_SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);

/** Runs a property for many seeds; a failure names its seed, which FUZZ_SEED takes. */
function forSeeds(count: number, property: (random: Random) => void): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed++) {
    try {
      property(randomFrom(seed));
    } catch (error) {
      throw new Error(`failed with FUZZ_SEED=${seed}`, { cause: error });
    }
  }
}

/** Everything that came out, as lines of text that are equal where the values are. */
type Transcript = string[];

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`;
  if (value instanceof Error) return `error ${value.message}`;
  return `${typeof value} ${String(value)}`;
}

interface Outcome {
  readonly transcript: Transcript;
  readonly error: Error | undefined;
}

function ours(chunks: readonly Buffer[], buffers: boolean): Outcome {
  const transcript: Transcript = [];
  const parser = new ReplyParser({
    wantsBuffers: () => buffers,
    onReply: (reply) => transcript.push(`reply ${show(reply)}`),
    onPush: (items) => transcript.push(`push ${show(items)}`),
  });
  try {
    for (const chunk of chunks) parser.write(chunk);
  } catch (error) {
    return { transcript, error: error as Error };
  }
  return { transcript, error: undefined };
}

/** Big numbers, which alone are strings where Buffers are asked for, as the Buffers they are in RESP2. */
function bytesThroughout(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bytesThroughout);
  return typeof value === 'string' ? Buffer.from(value) : value;
}

function theirs(stream: Buffer, buffers: boolean): Transcript {
  const transcript: Transcript = [];
  const decoder = new Decoder({
    getTypeMapping: () => LEGACY_MAPPING,
    onReply: (reply: unknown) =>
      transcript.push(
        `reply ${show(buffers ? bytesThroughout(reply) : convertBufferToString(reply, 'utf8'))}`,
      ),
    onErrorReply: (error: unknown) => transcript.push(`reply ${show(error)}`),
    onPush: (items: unknown) => transcript.push(`push ${show(bytesThroughout(items))}`),
  } as unknown as ConstructorParameters<typeof Decoder>[0]);
  decoder.write(stream);
  return transcript;
}

const TEXTS = [
  '',
  'OK',
  'a',
  'hello world',
  'é',
  'ключ',
  '語🙂',
  'x'.repeat(70),
  'ü'.repeat(40),
  '0123456789abcdef',
];

function randomText(random: Random): string {
  return TEXTS[random(TEXTS.length)] + (random(2) === 0 ? '' : String(random(1e6)));
}

function randomBytes(random: Random): Buffer {
  if (random(2) === 0) return Buffer.from(randomText(random));
  return Buffer.from(Array.from({ length: random(40) }, () => random(256)));
}

const join = (...parts: (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

const sized = (type: string, payload: Buffer): Buffer =>
  join(`${type}${payload.length}\r\n`, payload, '\r\n');

type Generator = (random: Random, depth: number) => Buffer;

const items = (random: Random, depth: number, count: number, make: Generator): Buffer =>
  join(...Array.from({ length: count }, () => make(random, depth + 1)));

const aggregate =
  (type: string, itemsPerEntry: number, make: () => Generator): Generator =>
  (random, depth) => {
    const entries = depth > 4 ? 0 : random(5);
    return join(`${type}${entries}\r\n`, items(random, depth, entries * itemsPerEntry, make()));
  };

const RESP2: readonly Generator[] = [
  (random) => join(`+${randomText(random)}\r\n`),
  (random) => join(`-ERR ${randomText(random)}\r\n`),
  (random) => join(`:${random(2) === 0 ? '' : '-'}${1 + random(1e6) * (1 + random(1e6))}\r\n`),
  (random) => sized('$', randomBytes(random)),
  (random) => sized('$', randomBytes(random)),
  () => join('$-1\r\n'),
  () => join('*-1\r\n'),
  aggregate('*', 1, () => oneOf(RESP2)),
  aggregate('*', 1, () => oneOf(RESP2)),
];

const RESP3: readonly Generator[] = [
  ...RESP2.slice(0, 7),
  () => join('_\r\n'),
  (random) => join(random(2) === 0 ? '#t\r\n' : '#f\r\n'),
  (random) => join(`,${[random(1e6) / 1e3, 'inf', '-inf', 'nan', '1e-7'][random(5)]}\r\n`),
  (random) => join(`(-${String(random(1e9)).repeat(4)}\r\n`),
  (random) => sized('!', join('SYNTAX ', randomText(random))),
  (random) => sized('=', join('txt:', randomBytes(random))),
  aggregate('*', 1, () => oneOf(RESP3)),
  aggregate('%', 2, () => oneOf(RESP3)),
  aggregate('~', 1, () => oneOf(RESP3)),
];

const ATTRIBUTED: readonly Generator[] = [
  ...RESP3,
  (random, depth) =>
    join(aggregate('|', 2, () => oneOf(RESP3))(random, depth), oneOf(ATTRIBUTED)(random, depth)),
  aggregate('*', 1, () => oneOf(ATTRIBUTED)),
];

const push = aggregate('>', 1, () => oneOf(RESP3));

function oneOf(generators: readonly Generator[]): Generator {
  return (random, depth) => generators[random(generators.length)](random, depth);
}

function randomStream(random: Random, generators: readonly Generator[], length: number): Buffer {
  const pushes = generators === RESP2 ? [] : [push];
  return items(random, -1, 1 + random(length), oneOf([...generators, ...pushes]));
}

function cutRandomly(stream: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  const longest = 1 + random(60);
  for (let at = 0; at < stream.length;) {
    const size = 1 + random(longest);
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe.each([
  ['strings', false],
  ['Buffers', true],
])('ReplyParser giving %s', (_, buffers) => {
  it.each([
    ['RESP2', RESP2],
    ['RESP3', RESP3],
  ])('reads %s as ioredis does, in one chunk and in many', (__, generators) => {
    forSeeds(600, (random) => {
      const stream = randomStream(random, generators, 12);
      const expected = theirs(stream, buffers);
      expect(ours([stream], buffers)).toEqual({ transcript: expected, error: undefined });
      for (let round = 0; round < 3; round++) {
        expect(ours(cutRandomly(stream, random), buffers).transcript).toEqual(expected);
      }
    });
  });

  it('reads the same wherever the stream is split in two', () => {
    forSeeds(60, (random) => {
      const stream = randomStream(random, ATTRIBUTED, 5);
      const whole = ours([stream], buffers);
      expect(whole.error).toBeUndefined();
      for (let cut = 0; cut <= stream.length; cut++) {
        const outcome = ours([stream.subarray(0, cut), stream.subarray(cut)], buffers);
        if (show(outcome.transcript) !== show(whole.transcript)) expect([cut, outcome]).toEqual([cut, whole]);
      }
    });
  });

  it('reads the same byte by byte', () => {
    forSeeds(200, (random) => {
      const stream = randomStream(random, ATTRIBUTED, 8);
      const bytes = Array.from(stream, (byte) => Buffer.from([byte]));
      expect(ours(bytes, buffers)).toEqual(ours([stream], buffers));
    });
  });
});

describe('ReplyParser with garbage', () => {
  const likely = Buffer.from('$*:+-_#,(!=%~|>0123456789\r\n\r\n\r\nabc?');

  function garbage(random: Random): Buffer {
    const wild = random(4) === 0;
    const bytes = Array.from({ length: random(80) }, () =>
      wild ? random(256) : likely[random(likely.length)],
    );
    const honest = randomStream(random, RESP3, 3);
    const kinds = [
      () => Buffer.from(bytes),
      () => join(honest, Buffer.from(bytes)),
      () => {
        for (let i = random(4); i >= 0; i--) honest[random(honest.length)] = likely[random(likely.length)];
        return honest;
      },
    ];
    return kinds[random(kinds.length)]();
  }

  it('throws only ProtocolErrors, split or not, and changes no prototype', () => {
    const prototypes = [Object.prototype, Array.prototype, Buffer.prototype, ReplyError.prototype];
    const before = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);
    let failures = 0;
    forSeeds(10_000, (random) => {
      const stream = garbage(random);
      const whole = ours([stream], false);
      const cut = ours(cutRandomly(stream, random), false);
      if (whole.error !== undefined) {
        failures++;
        expect(whole.error).toBeInstanceOf(ProtocolError);
      }
      if (show([whole.transcript, whole.error?.name]) !== show([cut.transcript, cut.error?.name])) {
        expect(cut).toEqual(whole);
      }
    });
    expect(failures).toBeGreaterThan(3_000);
    expect(prototypes.map((prototype) => Reflect.ownKeys(prototype).length)).toEqual(before);
  });
});
