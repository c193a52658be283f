/** The kind of a collection. Each has a decorator and a handle of its own. */
export type CollectionKind = 'set' | 'list' | 'sorted set' | 'hash' | 'stream';

/** What belongs to each kind: its type in the words of the TYPE command, its decorator, and its handle's class. */
export const COLLECTION_KINDS: Readonly<
  Record<CollectionKind, { readonly type: string; readonly decorator: string; readonly handle: string }>
> = {
  set: { type: 'set', decorator: '@SetOf', handle: 'ClusterSet' },
  list: { type: 'list', decorator: '@ListOf', handle: 'ClusterList' },
  'sorted set': { type: 'zset', decorator: '@SortedSetOf', handle: 'ClusterSortedSet' },
  hash: { type: 'hash', decorator: '@HashOf', handle: 'ClusterHash' },
  stream: { type: 'stream', decorator: '@StreamOf', handle: 'ClusterStream' },
};

declare const HANDLE: unique symbol;

/** The type that all handles of collections share. It exists in types alone, so that no value has it by chance. */
export abstract class CollectionHandle {
  declare protected readonly [HANDLE]: true;
}
