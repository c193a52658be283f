/** The color of a shard. There are eight; the numbers tell others apart. */
export const colorOf = (shard) => `shard-${shard % 8}`;

/** How a node answered, in words, and how bad that is. */
export const STATES = {
  ok: ['answers', ''],
  unknown: ['', ''],
  forbidden: ['may not be asked', 'warn'],
  loading: ['loads its data', 'warn'],
  busy: ['busy with a script', 'bad'],
  silent: ['does not answer', 'bad'],
  unreachable: ['cannot be reached', 'bad'],
  refused: ['refuses the credentials', 'bad'],
};

/** States in which a node serves nothing. */
const DOWN = new Set(['silent', 'unreachable', 'busy', 'loading']);

export const servesNothing = (state) => DOWN.has(state);
