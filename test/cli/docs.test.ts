import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClusterClient,
  ClusterEntity,
  type ClusterSet,
  createRepositories,
  PartitionKey,
  PrimaryKey,
  Property,
  SetOf,
} from 'keyslot';
import { ownCluster } from '../cluster-fixture.js';
import { root } from '../docs-snippets.js';
import { commandLine } from './keyslot-program.js';

const PAGE = readFileSync(join(root, 'docs/cli.md'), 'utf8');

/** The commands of the page that are followed by their whole output. */
const EXAMPLES = [...PAGE.matchAll(/^```sh\nnpx keyslot (.*)\n```\n\n```text\n([^]*?)^```$/gm)].map(
  ([, line, output]) => [line, output] as const,
);

@ClusterEntity({ name: 'Order' })
class Order {
  @PrimaryKey() id!: string;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
class OrderItem {
  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: number;
  @Property() title!: string;
  @Property() amount!: number;
  @Property() gift!: boolean;
  @Property() addedAt!: Date;
  @SetOf(String) tags!: ClusterSet<string>;
}

describe('docs/cli.md', () => {
  const { nodes } = ownCluster({ primaries: 1, replicasPerPrimary: 0 });
  const given = process.env.REDIS_CLUSTER_NODES;

  beforeAll(async () => {
    process.env.REDIS_CLUSTER_NODES = `${nodes[0].host}:${nodes[0].port}`;
    await using client = new ClusterClient();
    const registry = createRepositories(client, [Order, OrderItem]);
    await registry.checkSchemas();
    const items = registry.repository(OrderItem);
    const item = await items.insert(
      items.create({
        orderId: '42',
        id: 7,
        title: 'a lamp',
        amount: 2,
        gift: true,
        addedAt: new Date('2026-01-02T03:04:05Z'),
      }),
    );
    await item.tags.add('new', 'blue');
  });

  afterAll(() => {
    if (given === undefined) delete process.env.REDIS_CLUSTER_NODES;
    else process.env.REDIS_CLUSTER_NODES = given;
  });

  it.each(EXAMPLES)('shows what keyslot %s prints', async (line, output) => {
    const { code, stdout, stderr } = await commandLine(line.split(' '));
    // a version is a time
    const withoutVersion = (text: string): string => text.replace(/version \d{16}/, 'version');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(withoutVersion(stdout)).toBe(withoutVersion(output));
  });

  it('names every command and option', async () => {
    const { stdout } = await commandLine(['--help']);
    for (const [, command] of stdout.matchAll(/^ {2}(\w+) {2,}\w/gm)) {
      expect(PAGE).toContain(`npx keyslot ${command}`);
      const help = await commandLine([command, '--help']);
      const options = [...help.stdout.matchAll(/^ {2}(?:-h, )?(--[\w-]+)/gm)].map(([, option]) => option);
      expect(options.filter((option) => !PAGE.includes(option))).toEqual([]);
    }
  });
});
