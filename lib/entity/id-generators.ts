import { randomBytes, randomUUID } from 'node:crypto';

/** How ids come about that are not given. */
export type IdGenerator = 'uuidv7' | 'ulid' | (() => string);

/** Resolves the name of a generator. */
export function idGenerator(generator: IdGenerator): () => string {
  return typeof generator === 'function' ? generator : GENERATORS[generator];
}

const GENERATORS: Record<Exclude<IdGenerator, () => string>, () => string> = { uuidv7, ulid };

/** A UUID that sorts by its time of creation, to the millisecond (RFC 9562, section 5.7). */
export function uuidv7(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const random = randomUUID(); // version 4: its variant and 74 random bits stand where version 7 has them
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** 48 bits of time and 80 random ones in 26 characters that sort by time (github.com/ulid/spec). */
export function ulid(): string {
  let time = Date.now();
  let text = '';
  for (let digit = 0; digit < 10; digit++) {
    text = CROCKFORD[time % 32] + text;
    time = Math.floor(time / 32);
  }
  for (const byte of randomBytes(16)) text += CROCKFORD[byte & 31];
  return text;
}
