import {
  ClusterEntity,
  type ClusterRepository,
  DeletedAt,
  type EntityChange,
  Index,
  PartitionKey,
  type PartitionTransaction,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';

@ClusterEntity({ name: 'Draft' })
class Draft {
  declare readonly [Shape]: { key: 'teamId' | 'id'; partition: 'teamId'; indexed: 'status' };

  @PartitionKey() teamId!: string;
  @PrimaryKey() id!: string;
  @Index() @Property() status: string = 'open';
  @DeletedAt() deletedAt?: Date;
}

export class Misdecorated {
  // @ts-expect-error a deletion time is a Date
  @DeletedAt() text?: string;
  // @ts-expect-error a deletion time is a Date
  @DeletedAt() flag?: boolean;
}

/** What soft deletes accept and return. Held by the compiler; nothing here runs. */
export async function softDeletes(
  drafts: ClusterRepository<Draft>,
  tx: PartitionTransaction,
  change: EntityChange,
): Promise<void> {
  const key = { teamId: 't', id: '1' };
  const removed: Draft = await drafts.softRemove(drafts.create(key));
  const { deleted }: { deleted: boolean } = await drafts.softDelete(key);
  const restored: Draft | null = await drafts.restore(key, { deadlineMs: 100 });
  const found: Draft | null = await drafts.findOne(key, { withDeleted: true });
  const selected = await drafts.findMany([key], { select: ['deletedAt'], withDeleted: true });
  const times: (Date | undefined)[] = selected.map((one) => one?.deletedAt);
  const { items, cursor } = await drafts.findDeleted('t', { limit: 5 });
  const list: [readonly Draft[], string | undefined] = [items, cursor];
  const { purged }: { purged: number } = await drafts.purgeDeleted({ olderThan: '30d', partition: 't' });
  tx.softRemove(removed);
  const again: Draft | null = await tx.restore(Draft, key);
  const isDeletion: boolean = change.type === 'softDelete' || change.type === 'restore';
  // @ts-expect-error a repository restores by the key
  await drafts.restore('1');
  // @ts-expect-error so does a transaction
  await tx.restore(Draft, '1');
  // @ts-expect-error of which class?
  await tx.restore(key);
  // @ts-expect-error a soft delete by the key is one of the repository
  tx.softRemove(Draft, key);
  // @ts-expect-error read with select
  await drafts.softRemove(selected[0]!);
  // @ts-expect-error read with select
  tx.softRemove(selected[0]!);
  // @ts-expect-error queries do not find deleted rows
  await drafts.findBy({ teamId: 't' }, { withDeleted: true });
  // @ts-expect-error the deletion time is in no index
  await drafts.findBy({ teamId: 't', deletedAt: new Date() });
  // @ts-expect-error nor is it an order
  await drafts.findBy({ teamId: 't' }, { order: { deletedAt: 'asc' } });
  // @ts-expect-error an age is required
  await drafts.purgeDeleted({ partition: 't' });
  // @ts-expect-error misspelt
  await drafts.purgeDeleted({ olderThan: '1d', limits: 5 });
  // @ts-expect-error the key of the partition is a string
  await drafts.findDeleted(key);
  void [deleted, restored, found, times, list, purged, again, isDeletion];
}
