import { createHash } from 'node:crypto';
import { ClusterClient, ReplyError } from 'keyslot';
import { MemoryCluster } from 'keyslot/testing';
import { seededRandom } from '../../lib/testing/memory/keyspace/random.js';
import { sharedCluster } from '../cluster-fixture.js';
import { type Call, RandomCommands } from './random-commands.js';
import { RandomWrites } from './random-writes.js';
import { SCRIPTS } from './script-cases.js';

const { nodes, keyspace } = sharedCluster();
const memory = new MemoryCluster();
let real: ClusterClient;
let model: ClusterClient;

beforeAll(async () => {
  real = new ClusterClient({ nodes, keyPrefix: keyspace });
  model = new ClusterClient({ nodes: memory.nodes, keyPrefix: keyspace });
  await Promise.all([real.connect(), model.connect()]);
});
afterAll(async () => {
  await Promise.all([real.close(), model.close()]);
  memory.close();
});

/** Replies whose order no server promises. */
const UNORDERED = new Set(['smembers', 'sunion', 'sinter', 'sdiff', 'keys']);

/** The words of an error that callers see, without its node. */
const wordsOf = ({ message }: ReplyError): string => message.replace(/ \([^()]+ on [^()]+\)$/, '');

async function outcomeOf(client: ClusterClient, [name, ...args]: Call): Promise<unknown> {
  try {
    const reply = await client.callBuffer(name, ...args);
    return UNORDERED.has(name) ? (reply as Buffer[]).map(String).toSorted() : plain(reply);
  } catch (error) {
    if (error instanceof ReplyError) return `refused: ${wordsOf(error)}`;
    throw error;
  }
}

const plain = (reply: unknown): unknown =>
  Buffer.isBuffer(reply)
    ? reply.toString('latin1')
    : Array.isArray(reply)
      ? reply.map(plain)
      : typeof reply === 'bigint'
        ? `${reply}n`
        : reply;

it.each([1, 2, 3, 4, 5, 6])(
  'random commands have the same replies on servers and in memory, seed %s',
  async (seed) => {
    const commands = new RandomCommands(seededRandom(seed), `d${seed}`);
    const calls = Array.from({ length: 1_500 }, () => commands.next());
    const outcomes = async (client: ClusterClient) =>
      Promise.all(calls.map((call) => outcomeOf(client, call)));
    const [expected, actual] = await Promise.all([outcomes(real), outcomes(model)]);
    const differences = calls.flatMap((call, i) => {
      const [server, store] = [expected[i], actual[i]].map((outcome) => JSON.stringify(outcome));
      return server === store
        ? []
        : [`${JSON.stringify(call)} after ${i} others: ${server} / in memory ${store}`];
    });
    expect(differences.slice(0, 10)).toEqual([]);
    // the seeds reach all kinds of outcomes
    expect(expected.filter((outcome) => String(outcome).startsWith('refused')).length).toBeGreaterThan(100);
    expect(expected.filter((outcome) => Array.isArray(outcome)).length).toBeGreaterThan(50);
  },
);

/** Without the place in the script, which memory does not know. */
const withoutPlace = (outcome: unknown): unknown =>
  typeof outcome === 'string'
    ? outcome
        .replace(/user_script:\d+:/, 'user_script:')
        .replace(/(Error compiling script).*/, '$1')
        .replace(/ script: [0-9a-f]{40}, on @?user_script(:\d+)?\.?.*$/, '')
    : outcome;

it.each(SCRIPTS)('the script %j has the same reply on servers and in memory', async (text) => {
  const tag = createHash('sha1').update(text).digest('hex');
  const call: Call = [
    'eval',
    text,
    '2',
    `{${tag}}one`,
    `{${tag}}two`,
    'first',
    '007',
    '-2.50',
    'a,b;c',
    '\0\u00e9',
  ];
  const [server, store] = [await outcomeOf(real, call), await outcomeOf(model, call)].map(withoutPlace);
  expect(store).toEqual(server);
});

it.each([1, 2, 3])(
  'random operations on repositories do the same on servers and in memory, seed %s',
  async (seed) => {
    const [server, store] = [real, model].map(
      (client) => new RandomWrites(client, seededRandom(seed), `s${seed}`),
    );
    const outcomes: unknown[] = [];
    for (let i = 0; i < 150; i++) {
      const [expected, actual] = await Promise.all([server.next(), store.next()]);
      expect(actual).toEqual(expected);
      outcomes.push(expected[2]);
    }
    const [expected, actual] = await Promise.all([server.everything(), store.everything()]);
    expect(actual).toEqual(expected);
    expect(outcomes).toEqual(expect.arrayContaining(['UNIQUE_VIOLATION', 'ENTITY_EXISTS', 'swapped', null]));
  },
);
