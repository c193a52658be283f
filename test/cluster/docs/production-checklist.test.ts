import { ClusterClient, type ClusterClientOptions } from 'keyslot';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedCluster } from '../../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults } from '../../docs-snippets.js';

const { nodes } = sharedCluster();
const folder = snippetFolder();

describe('docs/production-checklist.md', () => {
  const snippets = snippetsOf('docs/production-checklist.md');
  const codeOf = (wanted: string): string => snippets.find(({ language }) => language === wanted)!.code;

  it('names settings that the servers have, with valid values', async () => {
    const settings = codeOf('conf')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(' '));
    expect(settings.length).toBeGreaterThan(10);
    const cluster = new ClusterClient({ nodes });
    const node = cluster.target((await cluster.refreshTopology()).primaries[0]);
    const unknown: string[] = [];
    for (const [name] of settings) {
      const found = (await node.call('CONFIG', 'GET', name)) as string[];
      if (found.length !== 2) unknown.push(name);
    }
    await cluster.close();
    expect(unknown).toEqual([]);
  });

  it('has valid options', async () => {
    const file = join(folder, 'production.ts');
    const code = codeOf('ts').replace(/^const/, 'export const');
    writeFileSync(file, `import type { ClusterClientOptions } from 'keyslot';\n${code}`);
    expect(await typeFaults(folder, [file])).toBe('');
    process.env.REDIS_PASSWORD = 'secret';
    const { production } = (await import(file)) as { production: ClusterClientOptions };
    delete process.env.REDIS_PASSWORD;
    expect(new ClusterClient({ ...production, logger: () => {} }).status).toBe('wait');
  });
});
