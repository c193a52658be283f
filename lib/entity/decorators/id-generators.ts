import { randomBytes } from 'node:crypto';

/** How ids come about that are not given. */
export type IdGenerator = 'uuidv7' | 'ulid' | (() => string);

/** Resolves the name of a generator. */
export function idGenerator(generator: IdGenerator): () => string {
  return typeof generator === 'function' ? generator : GENERATORS[generator];
}

const GENERATORS: Record<Exclude<IdGenerator, () => string>, () => string> = { uuidv7, ulid };

/** Millisecond and what stands behind it of the id made last; ids of one process are in the order they are made in. */
interface Last {
  ms: number;
  random: bigint;
}

/** The next time and random part: new ones in a new millisecond, else one more than the last. */
function next(last: Last, bits: bigint): Last {
  const now = Date.now();
  if (now > last.ms) {
    last.ms = now;
    last.random = BigInt(`0x${randomBytes(10).toString('hex')}`) >> (80n - bits + 1n); // the first bit is 0: room to count
  } else last.random += 1n;
  return last;
}

const lastUuid: Last = { ms: 0, random: 0n };
const lastUlid: Last = { ms: 0, random: 0n };

/** A UUID that sorts by its time of creation, within a process strictly (RFC 9562, sections 5.7 and 6.2). */
export function uuidv7(): string {
  const { ms, random: counted } = next(lastUuid, 74n);
  const time = ms.toString(16).padStart(12, '0');
  const high = (counted >> 62n).toString(16).padStart(3, '0');
  const low = ((counted & ((1n << 62n) - 1n)) | (1n << 63n)).toString(16).padStart(16, '0'); // 10 is the variant
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low.slice(0, 4)}-${low.slice(4)}`;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * 48 bits of time and 80 random ones in 26 characters that sort by time, within a process strictly
 * (github.com/ulid/spec).
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
