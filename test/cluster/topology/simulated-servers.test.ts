import { RealServers } from '../../simulation/comparison/real-servers.js';
import { randomScript } from '../../simulation/comparison/random-script.js';
import { runScript, type Script } from '../../simulation/comparison/run-script.js';
import { SCRIPTS } from '../../simulation/comparison/scripts.js';
import { SimulatedServers } from '../../simulation/comparison/simulated-servers.js';

/** How many random scripts run, from seed 1 on. */
const SEEDS = Number(process.env.KEYSLOT_RANDOM_SCRIPTS ?? 6);

let real: RealServers;
let simulated: SimulatedServers;
let serial = 0;

beforeAll(async () => {
  real = await RealServers.start();
  simulated = new SimulatedServers(await real.checkQueuedKeys());
});
afterAll(async () => {
  simulated.close();
  await real.close();
});

/** Runs a script on both. The hash tags differ from script to script, and not from real to simulated servers. */
async function compare(script: Script): Promise<string[]> {
  serial++;
  const expected = (await runScript(script, real, serial)).map(withOneEnd);
  expect((await runScript(script, simulated, serial)).map(withOneEnd)).toEqual(expected);
  return expected;
}

/** When a node loses its role, Valkey 9 tells its blocked clients the new owner, and other servers that they are unblocked. */
const withOneEnd = (line: string): string =>
  line.replace(/^(!hear \S+ -> )-(?:MOVED \d+ .*|UNBLOCKED force unblock .*)$/, '$1-UNBLOCKED or MOVED');

const seeds = Array.from({ length: SEEDS }, (_, at) => at + 1);

describe('simulated servers', () => {
  it.each(seeds)('reply to random commands as real ones do, seed %d', async (seed) => {
    const replies = await compare(randomScript(seed));
    // the scripts reach the replies that only clusters have
    expect(replies.join('\n')).toMatch(/-MOVED /);
    expect(replies.join('\n')).toMatch(/-(ASK|TRYAGAIN) /);
  });

  it.each(Object.entries(SCRIPTS))('reply as real ones do: %s', async (_name, script) => {
    const replies = await compare(script);
    expect(replies.filter((reply) => reply.endsWith('-> nothing'))).toEqual([]);
  });
});
