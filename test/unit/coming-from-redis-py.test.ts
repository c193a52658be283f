import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as keyslot from 'keyslot';
import { ClusterClient } from 'keyslot';

describe('docs/coming-from-redis-py.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/coming-from-redis-py.md'), 'utf8');
  const client = new ClusterClient({ nodes: ['127.0.0.1:1'] });
  const [node] = [{ id: '', host: 'h', port: 1, name: 'h:1', role: 'primary', slots: [] }] as const;

  const unique = (matches: Iterable<RegExpMatchArray>): string[] => [
    ...new Set([...matches].map(([, name]) => name)),
  ];

  it('names only members that the client has', () => {
    const paths = unique(page.matchAll(/`cluster\.([A-Za-z_$]+(?:\.[A-Za-z_$]+)*)/g));
    expect(paths.length).toBeGreaterThan(90);
    const missing = paths.filter((path) => {
      let owner: object | undefined = client;
      for (const name of path.split('.')) {
        if (owner === undefined || !(name in owner)) return true;
        owner = (owner as Record<string, object>)[name];
      }
      return false;
    });
    expect(missing).toEqual([]);
  });

  it('names only targets that exist', () => {
    const targets = unique(page.matchAll(/cluster\.target\('(\w+)'\)/g));
    for (const target of targets) expect(() => client.target(target as 'all')).not.toThrow();
    expect('scan' in client.target(node)).toBe(true);
  });

  it('names only errors and classes that exist', () => {
    const columns = page.split('\n').map((line) => line.split('|')[3] ?? '');
    const names = unique(
      columns.join('\n').matchAll(/`([A-Z]\w+(?:Error|Client|Pipeline|Transaction|PubSub|Script))`/g),
    );
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !(name in keyslot))).toEqual([]);
  });
});
