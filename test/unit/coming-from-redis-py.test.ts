import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as keyslot from 'keyslot';
import { ClusterClient } from 'keyslot';
import { CommandTable } from '../../lib/cluster/command-table/command-table.js';
import { REDIS_PY, REDIS_PY_CLUSTER } from './redis-py-methods.js';

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

  describe('has for every method', () => {
    /** What the tables say of a name: the cells after its own. */
    const rows = new Map<string, readonly string[]>();
    for (const line of page.split('\n')) {
      const [names, ...rest] = line
        .replace(/^\| | \|$/g, '')
        .split(' | ')
        .map((cell) => cell.trim());
      if (!line.startsWith('| ') || rest.length < 2) continue;
      for (const [, name] of names.matchAll(/`(\w+)[`(]/g))
        rows.set(name, [...(rows.get(name) ?? []), ...rest]);
    }
    const table = new CommandTable();

    /** The command that a name stands for by the rule of the page: `xinfo_stream` is `cluster.xinfo('STREAM')`. */
    const rowOf = (name: string): ReturnType<CommandTable['lookup']> => {
      if (name in client) return table.lookup(name, []);
      const [container, ...words] = name.split('_');
      if (!(container in client)) return undefined;
      return ['-', '']
        .map((joint) => table.lookup(container, [words.join(joint)]))
        .find((row) => row?.name.includes(' '));
    };

    it.each([
      ['redis-py', REDIS_PY, 400],
      ['redis-py-cluster', REDIS_PY_CLUSTER, 100],
    ])('of %s a counterpart or the reason why there is none', (_, methods, atLeast) => {
      expect(methods.length).toBeGreaterThan(atLeast);
      const unexplained = methods.filter((name) => {
        const cells = rows.get(name);
        // a dash alone explains nothing
        if (cells !== undefined) return !cells.some((cell) => /[a-z]{3}/.test(cell));
        const row = rowOf(name);
        return row === undefined || row.blocked !== undefined;
      });
      expect(unexplained).toEqual([]);
    });
  });
});
