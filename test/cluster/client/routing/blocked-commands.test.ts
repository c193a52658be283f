import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BlockedCommandError, ClusterClient } from 'keyslot';
import { blockedCommands, webRequestWords } from '../../../../lib/cluster/command-table/blocked-commands.js';
import { sharedCluster } from '../../../cluster-fixture.js';
import { root } from '../../../docs-snippets.js';
import { Relays } from '../../../fake-node.js';

const ALL = [...blockedCommands, ...webRequestWords];
const ofKind = (kind: string): [string, string][] =>
  ALL.flatMap(([name, blocked]) => (blocked.kind === kind ? [[name, blocked.reason]] : []));
/** The command in the case of documentation, with arguments that would fit many of them. */
const wordsOf = (name: string): [string, ...string[]] => {
  const [first, ...rest] = name.toUpperCase().split(' ');
  return [first, ...rest, 'ON', '1'];
};

describe('every blocked command', () => {
  const shared = sharedCluster();
  let client: ClusterClient;
  let relays: Relays;

  beforeAll(async () => {
    const scout = new ClusterClient({ nodes: shared.nodes });
    await scout.connect();
    relays = await Relays.start(scout.topology.nodes);
    await scout.close();
    client = new ClusterClient(relays.options);
    await client.connect();
  });
  afterAll(async () => {
    await client?.close();
    await relays?.stop();
  });
  beforeEach(() => relays.forget());

  const errorOf = async (call: () => unknown): Promise<unknown> => {
    try {
      return await call();
    } catch (error) {
      return error;
    }
  };
  const expectRefusal = async (name: string, reason: string, call: () => unknown): Promise<void> => {
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(BlockedCommandError);
    expect((error as Error).message.toLowerCase()).toContain(`${name} is blocked: ${reason.toLowerCase()}`);
  };

  it.each(ofKind('socket'))(
    'that acts on its connection is rejected wherever it is called, and never sent: %s',
    async (name, reason) => {
      const words = wordsOf(name);
      await expectRefusal(name, reason, () => client.call(...words));
      await expectRefusal(name, reason, () => client.callBuffer(...words));
      await expectRefusal(name, reason, () => client.target('all').call(...words));
      await expectRefusal(name, reason, () =>
        client
          .pipeline()
          .call(...words)
          .exec(),
      );
      await expectRefusal(name, reason, () =>
        client
          .multi()
          .call(...words)
          .exec(),
      );
      expect(() => new ClusterClient({ allowBlocked: [name] })).toThrow(
        /allowBlocked: .+ (cannot be allowed|is not)/,
      );
      expect(relays.seen()).toEqual([]);
    },
  );

  it.each(ofKind('node'))('that needs a named node is rejected without one: %s', async (name, reason) => {
    await expectRefusal(name, reason, () => client.call(...wordsOf(name)));
    await expectRefusal(name, reason, () =>
      client
        .pipeline()
        .call(...wordsOf(name))
        .exec(),
    );
    expect(relays.seen()).toEqual([]);
  });

  it.each(ofKind('dangerous'))(
    'that is dangerous is rejected on a named node, too: %s',
    async (name, reason) => {
      await expectRefusal(name, reason, () => client.call(...wordsOf(name)));
      await expectRefusal(name, reason, () => client.target('all').call(...wordsOf(name)));
      expect(new ClusterClient({ allowBlocked: [name] }).status).toBe('wait');
      expect(relays.seen()).toEqual([]);
    },
  );

  it.each(['socket', 'node', 'dangerous'])('is in the documentation: %s', (kind) => {
    const page = readFileSync(join(root, 'docs/client-options.md'), 'utf8');
    const section = page.slice(page.indexOf('## Blocked commands'), page.indexOf('## Connection state'));
    const names = ofKind(kind).map(([name]) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !section.toLowerCase().includes(`\`${name}\``))).toEqual([]);
  });
});
