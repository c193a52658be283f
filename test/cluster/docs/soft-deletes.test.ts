import { readFileSync } from 'node:fs';
import {
  ClusterEntity,
  createRepositories,
  DeletedAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
} from 'keyslot';
import { snippetsOf } from '../../docs-snippets.js';
import { sharedClient } from '../entity/fixtures.js';

@ClusterEntity({ name: 'Team' })
class Team {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'Note', partition: () => Team })
class Note {
  @PartitionKey() teamId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() slug!: string;
  @Index() @Property() status: string = 'open';
  @DeletedAt() deletedAt?: Date;
}

const shared = sharedClient();

describe('docs/soft-deletes.md', () => {
  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = snippetsOf('docs/soft-deletes.md').map(({ code }) => code);
    expect(blocks.length).toBe(4);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('does what it says', async () => {
    const notes = createRepositories(shared.client, [Team, Note]).repository(Note);

    const note = await notes.insert(notes.create({ teamId: 't1', id: 'n1', slug: 'plan' }));
    const key = { teamId: 't1', id: 'n1' };

    await notes.softRemove(note); // an entity, if its row has not changed
    await notes.softDelete(key); // by its key: { deleted: false }, because it is deleted already

    await notes.findOne(key); // null
    await notes.findBy({ teamId: 't1' }); // []
    await notes.findOne(key, { withDeleted: true }); // the note, with its deletion time

    await notes.restore(key); // the note again

    expect(await notes.findOneOrFail(key)).toMatchObject({ slug: 'plan', deletedAt: undefined });
    await notes.transaction('t1', async (tx) => {
      const plan = await tx.get(Note, { teamId: 't1', id: 'n1' });
      if (plan) tx.softRemove(plan);
      await tx.restore(Note, { teamId: 't1', id: 'n0' }); // null, because no deleted row has this key
    });
    expect(await notes.findOne(key)).toBeNull();
    await notes.restore(key);
    expect(await notes.softDelete(key)).toEqual({ deleted: true });
    expect(await notes.softDelete(key)).toEqual({ deleted: false });
    expect(await notes.findOne(key)).toBeNull();
    expect(await notes.findBy({ teamId: 't1' })).toEqual([]);
    expect((await notes.findOne(key, { withDeleted: true }))?.deletedAt).toBeInstanceOf(Date);

    const { items, cursor } = await notes.findDeleted('t1', { limit: 20 }); // the oldest deletion first
    const { purged } = await notes.purgeDeleted({ olderThan: '30d', limit: 10_000 }); // for good
    await notes.purgeDeleted({ olderThan: '1d', partition: 't1' });

    expect(items.map(({ id }) => id)).toEqual(['n1']);
    expect([cursor, purged]).toEqual([undefined, 0]);
    await notes.delete(key);
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
