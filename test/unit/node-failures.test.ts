import { ConnectionError } from 'keyslot';
import { NodeFailures } from '../../lib/cluster/connection/node-failures.js';

const NODE = '10.0.0.1:7000';
const OTHER = '10.0.0.2:7000';

describe('failures of nodes', () => {
  let told: string[];
  let failures: NodeFailures;
  const report = (node: string, reason: string, now: number): void =>
    failures.report(node, new ConnectionError(node, reason), now);

  beforeEach(() => {
    told = [];
    failures = new NodeFailures((error, node) => told.push(`${node} ${error.message}`));
  });

  it('are reported once in ten seconds, but a different reason for the same node at once', () => {
    report(NODE, 'ECONNREFUSED', 0);
    report(NODE, 'ECONNREFUSED', 1_000);
    expect(told).toHaveLength(1);
    report(NODE, 'WRONGPASS', 2_000);
    expect(told).toEqual([expect.stringContaining('ECONNREFUSED'), expect.stringContaining('WRONGPASS')]);
    report(NODE, 'ECONNREFUSED', 10_000);
    expect(told).toHaveLength(3);
  });

  it('are reported for each node separately', () => {
    report(NODE, 'ECONNREFUSED', 0);
    report(OTHER, 'ECONNREFUSED', 0);
    expect(told).toEqual([expect.stringContaining(NODE), expect.stringContaining(OTHER)]);
  });

  it('do not flood if every message is different', () => {
    for (let i = 0; i < 100; i++) report(NODE, `attempt ${i}`, i);
    expect(told.length).toBeLessThan(10);
  });
});
