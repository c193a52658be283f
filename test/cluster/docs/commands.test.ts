import { format } from 'node:util';
import { runInThisContext } from 'node:vm';
import { ClusterClient, ClusterError, keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { snippetsOf } from '../../docs-snippets.js';

const PAGE = 'docs/commands.md';

describe(PAGE, () => {
  let local: LocalCluster;
  let cluster: ClusterClient;

  beforeAll(async () => {
    local = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
    cluster = new ClusterClient({ nodes: local.seeds });
  });

  afterAll(async () => {
    await cluster?.close();
    await local?.stop();
  });

  it('prints what it says, block by block', async () => {
    const printed: string[] = [];
    const console = { log: (value: unknown) => void printed.push(format(value)) };
    const given = { cluster, console, nodes: local.seeds, ClusterClient, ClusterError, keySlot };
    const expected: string[] = [];
    for (const { code } of snippetsOf(PAGE)) {
      expected.push(...[...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, text]) => text));
      const body = code.replace('<string>', '');
      const run = runInThisContext(`(async ({ ${Object.keys(given).join(', ')} }) => {${body}})`) as (
        values: object,
      ) => Promise<void>;
      await run(given);
    }
    const squeezed = (lines: readonly string[]): string[] => lines.map((line) => line.replaceAll(' ', ''));
    expect(squeezed(printed)).toEqual(squeezed(expected));
    expect(printed).toHaveLength(14);
  });
});
