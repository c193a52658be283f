/** A reply of one line, such as `OK`. */
export class StatusReply {
  constructor(readonly text: string) {}
}

/** Alternating names and values: a map in RESP3. */
export class MapReply {
  constructor(readonly items: readonly MemoryReply[]) {}
}

/** A set in RESP3, else a list. */
export class SetReply {
  constructor(readonly items: readonly MemoryReply[]) {}
}

/** A list of pairs in RESP3, else all their parts in one list. */
export class PairsReply {
  constructor(readonly pairs: readonly (readonly MemoryReply[])[]) {}
}

/** Lists by their names: a map in RESP3, and a list of pairs in RESP2. */
export class StreamsReply {
  constructor(readonly pairs: readonly (readonly [name: string, list: MemoryReply])[]) {}
}

/** A number with a fraction: text in RESP2. */
export class DoubleReply {
  constructor(readonly value: number) {}
}

/** A message that the server sends on its own: a push in RESP3. */
export class PushReply {
  constructor(readonly items: readonly MemoryReply[]) {}
}

/** An error reply, such as `WRONGTYPE Operation against a key …`. It is also thrown. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** A reply of a command, in no protocol yet. Text is bytes, one character each. */
export type MemoryReply =
  | string
  | number
  | bigint
  | null
  | typeof NO_LIST
  | StatusReply
  | MapReply
  | SetReply
  | PairsReply
  | StreamsReply
  | DoubleReply
  | PushReply
  | CommandError
  | readonly MemoryReply[];

/** Nothing in the place of a list, which RESP2 tells from nothing in the place of text. */
export const NO_LIST: unique symbol = Symbol('no list');

export const OK: StatusReply = new StatusReply('OK');
