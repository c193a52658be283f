import { Redis } from 'ioredis';
import { keySlot } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';

const ALPHABETS = [
  'abc{}',
  '{}',
  'aé{}',
  '語🙂{}x',
  '\ud800\udc00\udbff\udfff{}a',
  '\u07ff\u0800\uffff\u0080\u007f',
];

const below = (limit: number): number => Math.floor(Math.random() * limit);

function randomText(): string {
  const alphabet = ALPHABETS[below(ALPHABETS.length)];
  return Array.from({ length: below(24) }, () => alphabet.charAt(below(alphabet.length))).join('');
}

function randomBytes(): Buffer {
  return Buffer.from(Array.from({ length: below(24) }, () => [0x7b, 0x7d, below(256)][below(3)]));
}

describe('keySlot against CLUSTER KEYSLOT', () => {
  let cluster: LocalCluster;
  let redis: Redis;

  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 1, replicasPerPrimary: 0 });
    redis = new Redis(cluster.nodes[0].port, cluster.nodes[0].host);
  });

  afterAll(async () => {
    redis?.disconnect();
    await cluster?.stop();
  });

  it('agrees for 2,000 random strings and Buffers', async () => {
    const keys = Array.from({ length: 2_000 }, (_, i) => (i % 2 === 0 ? randomText() : randomBytes()));
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.call('cluster', 'keyslot', key);
    const answers = (await pipeline.exec()) ?? [];
    const theirs = keys.map((key, i) => [key, answers[i]]);
    expect(keys.map((key) => [key, [null, keySlot(key)]])).toEqual(theirs);
  });
});
