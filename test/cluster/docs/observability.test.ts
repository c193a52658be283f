import { readFileSync } from 'node:fs';
import { Test } from '@nestjs/testing';
import {
  ClusterClient,
  ClusterModule,
  KEYSLOT_CHANNELS,
  type KeyslotCommandContext,
  keyslotChannel,
  keySlot,
} from 'keyslot';
import { map, pairwise } from 'rxjs';
import { eventually, sharedCluster } from '../../cluster-fixture.js';

const { nodes: seeds, keyspace } = sharedCluster();
const page = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8');

/** The code of one section, with its subsections. */
function blocksOf(heading: string): string[] {
  const [, section] = page.split(`\n## ${heading}\n`);
  return [...section.split('\n## ')[0].matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
}

const squeezed = (code: string): string => code.replace(/\s+/g, ' ').trim();

describe('docs/observability.md, statistics', () => {
  let cluster: ClusterClient;
  let shown: unknown[][];
  const console = { log: (...values: unknown[]) => void shown.push(values) };

  beforeEach(async () => {
    shown = [];
    cluster = new ClusterClient({ nodes: seeds, statsIntervalMs: 10 });
    await cluster.connect();
  });
  afterEach(() => cluster.close());

  it('shows only code that is executed here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = blocksOf('Statistics');
    expect(blocks).toHaveLength(2);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('publishes commands on a tracing channel', async () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    expect(blocksOf('Tracing channels').map((code) => here.includes(squeezed(code)))).toEqual([true]);
    const listener = (context: unknown): void => {
      const { command, node, attempts, outcome } = context as KeyslotCommandContext;
      console.log(command, node, attempts, outcome);
    };
    keyslotChannel('keyslot:command').asyncEnd.subscribe(listener);
    await cluster.set(`${keyspace}k`, 'v');
    keyslotChannel('keyslot:command').asyncEnd.unsubscribe(listener);
    const owner = cluster.topology.nodeForSlot(keySlot(`${keyspace}k`))?.name;
    expect(shown).toEqual([['SET', owner, 1, 'ok']]);
  });

  it('has a row for every tracing channel', () => {
    const [, section] = page.split('\n## Tracing channels\n');
    const rows = [...section.matchAll(/^\| `(keyslot:\w+)`/gm)].map(([, name]) => name);
    expect(rows.toSorted()).toEqual(KEYSLOT_CHANNELS.toSorted());
  });

  it('reads a snapshot', async () => {
    await cluster.set(`${keyspace}k`, 'v');
    const { total, nodes, pubsub } = cluster.stats();
    console.log(`${total.commands} commands, 99 % within ${total.roundTripMs.p99} ms`);
    for (const [name, { role, pending, errors }] of Object.entries(nodes)) {
      console.log(name, role, pending.commands, errors);
    }
    console.log(`${pubsub.dropped} messages dropped`);
    expect(shown[0][0]).toMatch(/^1 commands, 99 % within [\d.]+ ms$/);
    expect(shown.at(-1)).toEqual(['0 messages dropped']);
    expect(shown).toHaveLength(cluster.topology.nodes.length + 2);
  });

  it('subscribes to snapshots', async () => {
    cluster.stats$
      .pipe(
        pairwise(),
        map(([before, now]) => now.total.commands - before.total.commands),
      )
      .subscribe((count) => console.log(`${count} commands since the last snapshot`));
    await cluster.set(`${keyspace}k`, 'v');
    await eventually(() => expect(shown).toContainEqual(['1 commands since the last snapshot']));
  });

  it('names every field of a snapshot', () => {
    const { total, nodes, topology, pubsub, at, since } = cluster.stats();
    const [node] = Object.values(nodes);
    const named = (name: string): boolean => page.includes(`\`${name}\``) || page.includes(`.${name}\``);
    for (const part of [
      total,
      node,
      total.pending,
      total.roundTripMs,
      total.leases,
      topology,
      pubsub,
      { at, since },
    ])
      expect(Object.keys(part).filter((name) => !named(name))).toEqual([]);
  });
});

describe('docs/observability.md, logging', () => {
  const nodes = seeds;

  it('shows only code that is run here', () => {
    const here = squeezed(readFileSync(new URL(import.meta.url), 'utf8'));
    const blocks = blocksOf('Logging');
    expect(blocks).toHaveLength(2);
    expect(blocks.filter((code) => !here.includes(squeezed(code)))).toEqual([]);
  });

  it('is turned on in the module', async () => {
    const root =
      // the page's line ends in a semicolon
      ClusterModule.forRoot({ nodes, logging: ['error', 'topology', 'slow', 'command'], slowMs: 50 });
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const logger = { log, warn: log, error: log, debug: log };
    const module = await Test.createTestingModule({ imports: [root] })
      .setLogger(logger)
      .compile();
    const app = await module.init();
    await app.get(ClusterClient).get(`${keyspace}none`);
    await app.close();
    expect(lines.filter((line) => line.startsWith("Cluster 'default': GET on "))).toHaveLength(1);
  });

  it('goes to a logger of your own', async () => {
    const shown: unknown[][] = [];
    const show = (...values: unknown[]): void => void shown.push(values);
    const console = { error: show, warn: show, info: show, debug: show };
    const cluster = new ClusterClient({
      nodes,
      clientName: 'shop',
      logging: ['error', 'slow'],
      logger: ({ level, message, fields }) => console[level](message, fields),
    });
    await cluster.set(`${keyspace}text`, 'v');
    await cluster.lpush(`${keyspace}text`, 'v').catch(() => {});
    await cluster.close();
    expect(shown).toContainEqual([
      expect.stringMatching(/^LPUSH failed with WRONGTYPE on /),
      expect.objectContaining({ command: 'LPUSH', errorCode: 'WRONGTYPE' }),
    ]);
  });
});
