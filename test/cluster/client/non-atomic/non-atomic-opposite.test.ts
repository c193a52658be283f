import { ClusterClient, type ClusterError, NonAtomicCommands } from 'keyslot';
import { CommandTable } from '../../../../lib/cluster/command-table/command-table.js';
import { sharedCluster } from '../../../cluster-fixture.js';
import { Interleaving } from '../../../interleaving.js';
import { freshKeys } from './non-atomic-fixture.js';

const shared = sharedCluster();
let client: ClusterClient;

beforeAll(async () => {
  client = new ClusterClient({ nodes: shared.nodes });
  await client.connect();
});

afterAll(() => client.close());

/** Commands of which every call to the cluster is a step of an operation. */
function stepping(interleaving: Interleaving, operation: number): NonAtomicCommands {
  const step = <T>(call: () => Promise<T>): Promise<T> => interleaving.step(operation, call);
  const queued = <T extends { exec(): Promise<unknown> }>(queue: T): T => {
    const exec = queue.exec.bind(queue);
    queue.exec = () => step(exec);
    return queue;
  };
  return new NonAtomicCommands(
    {
      send: (...call) => step(() => client.send(...call)),
      runScript: (...call) => step(() => client.runScript(...call)),
      pipeline: () => queued(client.pipeline()),
      multi: () => queued(client.multi()),
    },
    { options: { keyPrefix: '' }, table: new CommandTable() },
  );
}

/** Whole numbers that look random and are the same in every run. */
function lots(seed: number): () => number {
  let state = seed + 1;
  return () => (state = (state * 48_271) % 2_147_483_647);
}

type Move = (commands: NonAtomicCommands, from: string, to: string) => Promise<unknown>;

const MOVES: Readonly<Record<string, readonly Move[]>> = {
  'two members that are moved': [
    (commands, a, b) => commands.smove(a, b, 'value'),
    (commands, a, b) => commands.smove(b, a, 'value'),
  ],
  'three members that are moved': [
    (commands, a, b) => commands.smove(a, b, 'value'),
    (commands, a, b) => commands.smove(b, a, 'value'),
    (commands, a, b) => commands.smove(a, b, 'value'),
  ],
  'two keys that are renamed': [
    (commands, a, b) => commands.rename(a, b),
    (commands, a, b) => commands.rename(b, a),
  ],
  'a key that is renamed, and one where there is none yet': [
    (commands, a, b) => commands.renamenx(a, b),
    (commands, a, b) => commands.rename(b, a),
  ],
};

/** Among others, what `rename` says of a source that the other one has taken. */
const FAIR = ['ERR', 'INCOMPLETE_OPERATION'];

describe('moves in opposite directions lose nothing', () => {
  it.each(
    Object.entries(MOVES).flatMap(([name, moves]) =>
      [false, true].map((crashing) => [name, crashing ? 'and crash' : 'and end', crashing, moves] as const),
    ),
  )('%s, %s', async (name, _, crashing, moves) => {
    const lost: number[] = [];
    for (let seed = 0; seed < 60; seed++) {
      const next = lots(seed);
      const [a, b] = [...freshKeys(shared.keyspace, ['a', 'b']).values()];
      await (name.includes('member') ? client.sadd(a, 'value') : client.set(a, 'value'));
      const crashes = moves.map(() => (crashing && next() % 2 === 0 ? next() % 8 : undefined));
      const interleaving = new Interleaving(crashes, next, () => new Promise(setImmediate));
      const outcomes = moves.map((move, operation) =>
        interleaving
          .operate(() => move(stepping(interleaving, operation), a, b))
          .catch((error: ClusterError) => expect(FAIR).toContain(error.code)),
      );
      await interleaving.run(() => {});
      await Promise.all(outcomes);
      if ((await client.exists(a, b)) === 0) lost.push(seed);
    }
    expect(lost).toEqual([]);
  });
});
