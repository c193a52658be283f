import { scanCluster } from '../../lib/client/scan/scan-cluster.js';
import type { ScanSource } from '../../lib/client/scan/scan-source.js';
import { ClusterTopology, ConnectionError, TopologyError } from 'keyslot';

const ID = 'a'.repeat(40);
const topology = ClusterTopology.of([
  {
    slots: [[0, 16_383]],
    primary: { id: ID, host: '127.0.0.1', port: 7000 },
    replicas: [],
  },
]);

/** A cluster of one node, which says of itself whatever `line` gives at the time. */
function sourceOf(line: (read: number) => string, scan: () => unknown): ScanSource & { scans: number } {
  let reads = 0;
  const source = {
    scans: 0,
    deadlineMs: 40,
    topology: () => Promise.resolve(topology),
    refreshTopology: () => Promise.resolve(topology),
    reportUnknownNode: () => undefined,
    onNode: async (_node: unknown, name: string) => {
      if (name !== 'scan') return line(++reads);
      source.scans++;
      return scan();
    },
  };
  return source;
}

const owner = (epoch: number, slots = '0-16383'): string =>
  `${ID} 127.0.0.1:7000@17000 myself,master - 0 0 ${epoch} connected ${slots}\n`;
const noKeys = () => [Buffer.from('0'), []];

async function failureOf(source: ScanSource): Promise<unknown> {
  try {
    for await (const page of scanCluster(source, {})) expect(page).toBeInstanceOf(Array);
    return 'the scan ended';
  } catch (error) {
    return error;
  }
}

describe('a scan that makes no progress until its deadline', () => {
  it('ends if the node keeps its slots', async () => {
    expect(await failureOf(sourceOf(() => owner(1), noKeys))).toBe('the scan ended');
  });

  it('reports moving slots if every scan of a node is in vain', async () => {
    const source = sourceOf((read) => owner(read), noKeys);
    const error = await failureOf(source);
    expect(error).toBeInstanceOf(TopologyError);
    expect(error).toMatchObject({ code: 'SLOTS_KEEP_MOVING', retryable: true, applied: false });
    expect((error as Error).message).toMatch(
      /within 40 ms: 16384 slots have not been read, because they kept moving/,
    );
    expect(source.scans).toBeGreaterThan(1);
  });

  it('reports moving slots if no node confirms its slots', async () => {
    const error = await failureOf(sourceOf(() => owner(1, ''), noKeys));
    expect(error).toMatchObject({ code: 'SLOTS_KEEP_MOVING' });
  });

  it('reports that no node answers, with the reason', async () => {
    const cause = new ConnectionError('127.0.0.1:7000', 'refused');
    const error = await failureOf(
      sourceOf(
        () => owner(1),
        () => {
          throw cause;
        },
      ),
    );
    expect(error).toMatchObject({ code: 'NO_NODE_REACHABLE', cause });
    expect((error as Error).message).toMatch(
      /16384 slots have not been read, because no node that owns them answers/,
    );
  });
});
