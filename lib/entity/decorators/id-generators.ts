import { randomBytes } from '../../cluster/runtime/randomness.js';
import { unixMs } from '../../cluster/common/timers.js';

/** How ids are generated. */
export type IdGenerator = 'uuidv7' | 'ulid' | (() => string);

/** Returns the function of a generator. */
export function idGenerator(generator: IdGenerator): () => string {
  return typeof generator === 'function' ? generator : GENERATORS[generator];
}

/** Whether a value of the option `generate` is a generator. */
export function isIdGenerator(value: unknown): value is IdGenerator {
  return typeof value === 'function' || (typeof value === 'string' && Object.hasOwn(GENERATORS, value));
}

/** The generators by name, for errors. */
export const GENERATOR_NAMES = "'uuidv7', 'ulid' or a function";

const GENERATORS: Record<Exclude<IdGenerator, () => string>, () => string> = { uuidv7, ulid };

/** The time and the random part of the last id, so that the ids of one process sort in the order of their creation. */
interface Last {
  ms: number;
  random: bigint;
}

/** Returns the next time and random part: new ones in a new millisecond, else the last random part plus one. */
function next(last: Last, bits: bigint): Last {
  const now = unixMs();
  if (now > last.ms) {
    last.ms = now;
    last.random = BigInt(`0x${randomBytes(10).toString('hex')}`) >> (80n - bits + 1n); // the first bit is 0: room to count
  } else last.random += 1n;
  return last;
}

const lastUuid: Last = { ms: 0, random: 0n };
const lastUlid: Last = { ms: 0, random: 0n };

/** Returns a UUID that sorts by creation time, strictly within a process (RFC 9562, sections 5.7 and 6.2). */
export function uuidv7(): string {
  const { ms, random: counted } = next(lastUuid, 74n);
  const time = ms.toString(16).padStart(12, '0');
  const high = (counted >> 62n).toString(16).padStart(3, '0');
  const low = ((counted & ((1n << 62n) - 1n)) | (1n << 63n)).toString(16).padStart(16, '0'); // 10 is the variant
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low.slice(0, 4)}-${low.slice(4)}`;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * Returns an ULID: 26 characters with 48 bits of time and 80 random bits. It sorts by creation time, strictly within a
 * process (github.com/ulid/spec).
 */
export function ulid(): string {
  const last = next(lastUlid, 80n);
  let { ms: time, random } = last;
  let text = '';
  for (let digit = 0; digit < 10; digit++) {
    text = CROCKFORD[time % 32] + text;
    time = Math.floor(time / 32);
  }
  let tail = '';
  for (let digit = 0; digit < 16; digit++) {
    tail = CROCKFORD[Number(random & 31n)] + tail;
    random >>= 5n;
  }
  return text + tail;
}
