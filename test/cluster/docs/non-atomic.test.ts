import { readFileSync } from 'node:fs';
import { ClusterClient, IncompleteOperationError, PartialWriteError } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

// Every block of the page stands in this file as it stands there; what is behind it shows that it does what it says.
describe('docs/multi-key.md', () => {
  let local: LocalCluster;
  let cluster: ClusterClient;
  let clerk: ClusterClient;
  let shown: unknown[];
  const console = { log: (...values: unknown[]) => void shown.push(...values) };

  beforeAll(async () => {
    local = await LocalCluster.start({
      primaries: 2,
      replicasPerPrimary: 0,
      users: { clerk: 'on >pw ~public:* ~*keyslot:temporary:* +@all -srem' },
    });
    cluster = new ClusterClient({ nodes: local.seeds });
    clerk = new ClusterClient({ nodes: local.seeds, username: 'clerk', password: 'pw' });
  });

  beforeEach(() => void (shown = []));

  afterAll(async () => {
    await Promise.all([cluster?.close(), clerk?.close()]);
    await local?.stop();
  });

  it('shows only code that is executed here', () => {
    const page = readFileSync(new URL('../../../docs/multi-key.md', import.meta.url), 'utf8');
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
    expect(blocks).toHaveLength(5);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('rejects keys of several slots', async () => {
    await cluster.mset('{cart:42}:items', 'pen', '{cart:42}:total', '250'); // one hash tag, one slot: atomic
    const error = await cluster.mset('cart:42', 'pen', 'cart:43', 'ink').catch((reason) => reason);
    console.log(error.code); // CROSS_SLOT: nothing was sent

    expect(shown).toEqual(['CROSS_SLOT']);
    expect(await cluster.exists('cart:42', 'cart:43')).toBe(0);
  });

  it('accepts them through nonAtomic', async () => {
    await cluster.nonAtomic.mset({ 'cart:42': 'pen', 'cart:43': 'ink' });
    const carts = await cluster.nonAtomic.mget('cart:43', 'cart:0', 'cart:42');
    console.log(carts); // ['ink', null, 'pen']

    expect(shown).toEqual([['ink', null, 'pen']]);
    expect(await cluster.with({ deadlineMs: 2_000 }).nonAtomic.mget('cart:42', 'cart:43')).toEqual([
      'pen',
      'ink',
    ]);
  });

  it('reports what was written', async () => {
    try {
      await clerk.nonAtomic.mset({ 'public:1': 'a', 'private:1': 'b' });
    } catch (error) {
      if (!(error instanceof PartialWriteError)) throw error;
      console.log(error.written); // ['public:1']
      console.log([...error.errors.keys()]); // ['private:1']
    }

    expect(shown).toEqual([['public:1'], ['private:1']]);
  });

  it('reports what is left', async () => {
    await cluster.sadd('public:todo', 'task 1');

    try {
      await clerk.nonAtomic.smove('public:todo', 'public:done', 'task 1');
    } catch (error) {
      if (!(error instanceof IncompleteOperationError)) throw error;
      console.log(error.left); // the member is in both sets
      console.log(error.retryable); // true
    }

    expect(shown).toEqual(['the member is in both sets', true]);
    expect(await cluster.nonAtomic.smove('public:todo', 'public:done', 'task 1')).toBe(1);
  });

  it('limits the number of members', async () => {
    await cluster.sadd('readers:ink', 'ada', 'bob');
    await cluster.sadd('readers:paper', ...Array.from({ length: 2_000 }, (_, i) => i), 'bob');

    const bounded = cluster.nonAtomic.with({ maxMembers: 1_000 });
    const common = await bounded.sinter('readers:ink', 'readers:paper'); // reads the smaller set, queries the other

    expect(common).toEqual(['bob']);
    await expect(bounded.sunion('readers:ink', 'readers:paper')).rejects.toMatchObject({
      code: 'TOO_MANY_MEMBERS',
    });
  });
});

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');
