import { LocalCluster } from 'keyslot/testing';
import { KeyslotSession } from './clients/keyslot.js';
import { growthLine, growthOf } from './soak/growth.js';
import { randomFrom } from './soak/random.js';
import { Rounds } from './soak/rounds.js';
import { Samples } from './soak/samples.js';
import { SOAK_FAULTS, type SoakFault } from './soak/soak-faults.js';
import { beginStandingUse } from './soak/standing-use.js';

/** What `npm run soak` takes, for scripts/program-arguments.mjs. */
export const program = {
  usage: `npm run soak -- [--hours H | --minutes 30] [--faults N] [--seed N] [--callers 4] [--pause-ms 15]
  --faults    how many, evenly over the time. Default: 200 in half an hour
  --callers   callers of each shard
  --pause-ms  how long a caller pauses after each call`,
  options: {
    hours: { type: 'string', number: { from: 0 } },
    minutes: { type: 'string', default: '30', number: { from: 0 } },
    faults: { type: 'string', number: { from: 1, whole: true } },
    seed: { type: 'string', default: String(Date.now() % 1_000_000), number: { from: 0, whole: true } },
    callers: { type: 'string', default: '4', number: { from: 1, whole: true } },
    'pause-ms': { type: 'string', default: '15', number: { from: 0 } },
  },
};

interface Arguments {
  readonly settings: Readonly<
    Record<'minutes' | 'seed' | 'callers' | 'pause-ms', number> & Partial<Record<'hours' | 'faults', number>>
  >;
}

const FAULTS_AN_HOUR = 400;
/** Between two lines about the samples, in ms. */
const LINE_MS = 5 * 60_000;
const NOTHING: SoakFault = { inject: async () => {}, mayLose: false, changedRoles: 0 };

/** Random faults for a long time. Nothing may be wrong, and nothing may grow. @returns whether that is so */
export async function run({ settings }: Arguments, signal: AbortSignal): Promise<boolean> {
  const { seed, callers, 'pause-ms': pauseMs } = settings;
  const hours = settings.hours ?? settings.minutes / 60;
  const count = settings.faults ?? Math.max(1, Math.round(hours * FAULTS_AN_HOUR));
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  console.log(`${count} faults in ${hours} h, --seed ${seed} --callers ${callers} --pause-ms ${pauseMs}`);
  const rejections: unknown[] = [];
  process.on('unhandledRejection', (reason) => rejections.push(reason));
  const cluster = await LocalCluster.start({ requireFullCoverage: false, signal });
  const session = await KeyslotSession.open({ nodes: cluster.seeds });
  const endUse = beginStandingUse(session.client);
  const rounds = new Rounds(cluster, session, { callers, pauseMs });
  const samples = new Samples(cluster);
  let cutShort: string | undefined;
  try {
    await rounds.play('none', NOTHING, pick, 0);
    const spacing = (hours * 3_600_000) / count;
    let toldAt = performance.now();
    const end = toldAt + hours * 3_600_000;
    for (let i = 0; i < count && performance.now() < end && !signal.aborted; i++) {
      const name = pick(Object.keys(SOAK_FAULTS));
      await rounds.play(name, SOAK_FAULTS[name], pick, spacing);
      await samples.take();
      if (performance.now() - toldAt < LINE_MS) continue;
      toldAt = performance.now();
      console.log(samples.line);
    }
  } catch (error) {
    cutShort = (error as Error).stack ?? String(error);
  } finally {
    await endUse();
    await session.close();
    await cluster.stop();
  }
  if (signal.aborted) cutShort = 'it was interrupted';
  return reportSoak(rounds, samples, rejections, cutShort);
}

function reportSoak(
  { totals, errors, faults, unplannedTakeovers, examples, history }: Rounds,
  samples: Samples,
  rejections: readonly unknown[],
  cutShort: string | undefined,
): boolean {
  const listed = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([name, number]) => `${number} ${name}`).join(', ') || 'none';
  const growths = samples.series.map(growthOf).filter((growth) => growth !== undefined);
  const excessive = growths.filter(({ isExcessive }) => isExcessive);
  console.log(samples.count > 0 ? samples.line : 'no sample');
  console.log(`calls ${totals.calls}, saves ${totals.saves}, messages ${totals.messages}`);
  console.log(`faults: ${listed(faults)}; takeovers without one: ${unplannedTakeovers}`);
  console.log(`errors: ${listed(errors)}`);
  console.log(
    `executed twice ${totals.twice}, untruthful ${totals.untruthful}, out of order ${totals.disordered}, ` +
      `answered and lost ${totals.lost}, ${totals.lostOtherwise} of them where servers may not lose`,
  );
  console.log(
    `history: ${history.calls} calls on ${history.keys} keys, ${history.unexplained.length} keys unexplained, ` +
      `${history.undecided} undecided`,
  );
  console.log(`messages missed outside a gap: ${totals.missedMessages}`);
  for (const growth of growths) console.log(growthLine(growth));
  if (growths.length === 0) console.log('too few samples for a verdict on growth');
  console.log(`unhandled rejections ${rejections.length}`);
  for (const line of examples) console.log(`for example: ${line}`);
  if (cutShort !== undefined) console.log(`ended early: ${cutShort}`);
  const wrong =
    totals.lostOtherwise + totals.twice + totals.untruthful + totals.disordered + history.unexplained.length;
  const isFine = wrong + rejections.length + excessive.length === 0 && cutShort === undefined;
  console.log(isFine ? 'verdict: nothing wrong, nothing grows' : 'verdict: FAILED');
  return isFine;
}
