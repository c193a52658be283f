import {
  BelongsTo,
  ClusterEntity,
  type ClusterRepository,
  DeletedAt,
  ExpiresAt,
  HasMany,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  Shape,
  Unique,
} from 'keyslot';

// Boards with topics and posts, all of which can be deleted softly, and an older version of the posts.

@ClusterEntity({ name: 'Board' })
export class Board {
  @PrimaryKey() id!: string;
  @HasMany(() => Topic, { cascade: 'delete' }) topics!: Related<Topic[]>;
  @HasMany(() => Post, { cascade: 'delete' }) posts!: Related<Post[]>;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'Topic', partition: () => Board })
export class Topic {
  @PartitionKey() boardId!: string;
  @PrimaryKey() id!: string;
  @BelongsTo(() => Board) board!: Related<Board | null>;
  @HasMany(() => Post, { by: 'topicId', cascade: 'delete' }) posts!: Related<Post[]>;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'Board' })
export class OldBoard {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Post', partition: () => OldBoard, listed: true, changes: { values: true } })
export class OldPost {
  @PartitionKey() boardId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() thread?: string;
  @Unique() @Property() title?: string;
  @Property() price?: string;
  @Unique({ scope: 'global' }) @Property() code?: string;
  @ExpiresAt() expiresAt?: Date;
  @DeletedAt() deletedAt?: Date;
}

@ClusterEntity({ name: 'Post', partition: () => Board, listed: true, changes: { values: true } })
export class Post {
  declare readonly [Shape]: {
    key: 'boardId' | 'id';
    indexed: 'topicId' | 'slug' | 'price' | 'code' | 'rank';
  };

  @PartitionKey() boardId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property({ renamedFrom: 'thread' }) topicId?: string;
  @Unique() @Property({ renamedFrom: 'title' }) slug?: string;
  @Index({ name: 'ranked', fields: ['slug', 'price'], nulls: true })
  @Property({ convertFrom: { type: String, convert: (text: string) => Number(text) * 100 } })
  price?: number;
  @Unique({ scope: 'global' }) @Property() code?: string;
  @Index({ nulls: true }) @Property() rank?: number;
  @Property() note?: string;
  @ExpiresAt() expiresAt?: Date;
  @DeletedAt() deletedAt?: Date;
  @BelongsTo(() => Topic, { by: 'topicId' }) topic!: Related<Topic | null>;
}

export const idsOf = (found: readonly (object | null)[]): unknown[] =>
  found.map((one) => one && Reflect.get(one, 'id'));

export async function exportOf(boards: ClusterRepository<Board>, boardId: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of boards.partition(boardId).export()) lines.push(line);
  return lines;
}

/** What is wrong with the indexes of a board. */
export async function faultsOf(
  boardId: string,
  ...repositories: (ClusterRepository<Topic> | ClusterRepository<Post>)[]
): Promise<string[]> {
  const found: string[] = [];
  for (const repository of repositories)
    for await (const { fault, index } of repository.verifyIndexes({ partition: boardId }))
      found.push(`${fault} ${index}`);
  return found;
}
