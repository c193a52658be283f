/** The kind of a collection. Each kind has its own decorator and handle. */
export type CollectionKind = 'set' | 'list' | 'sorted set' | 'hash' | 'stream';

/** For each kind its type as the TYPE command names it, its decorator, and the class of its handle. */
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

/** The base class of all handles. Its member exists only in types, so that no other value matches it by chance. */
export abstract class CollectionHandle {
  declare protected readonly [HANDLE]: true;
}
