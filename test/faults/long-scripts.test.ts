import { ClusterClient, Script } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

const LONG = `local s = redis.call('TIME')
while true do
  local t = redis.call('TIME')
  if t[1] * 1000 + t[2] / 1000 - s[1] * 1000 - s[2] / 1000 > 3000 then return 'done' end
end`;

describe('a script that takes longer than busy-reply-threshold', () => {
  let cluster: LocalCluster;

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 3, config: { 'lua-time-limit': '300' } });
  });

  afterAll(() => cluster?.stop());

  it.each([
    ['read-only', true],
    ['writing', false],
  ])('keeps its connection, and calls wait for it: %s', async (_, readonly) => {
    const client = new ClusterClient({ nodes: cluster.seeds, replyTimeoutMs: 300, deadlineMs: 20_000 });
    const troubles: unknown[] = [];
    client.on('error', (error) => troubles.push(error));
    try {
      await client.connect();
      expect(await client.runScript(new Script(LONG, readonly), ['k'], [])).toBe('done');
      expect(troubles).toEqual([]);
    } finally {
      await client.close();
    }
  });
});
