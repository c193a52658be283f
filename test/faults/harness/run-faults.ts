import { cpus, loadavg } from 'node:os';
import { LocalCluster } from 'keyslot/testing';
import { clients } from './clients.js';
import type { Figures } from './figures.js';
import { missedGoals, type Form, type Need, type Scenario } from './scenario.js';
import { scenarios } from './scenarios.js';
import type { ClientUnderTest } from './session.js';
import { report, summaryRow, SUMMARY_HEAD } from './report.js';

/** What `npm run faults` takes, for scripts/program-arguments.mjs. */
export const program = {
  usage: `npm run faults -- [scenario…] [--client ${Object.keys(clients).join('|')}] [--short]
Scenarios:
${scenarios.map(({ name, title }) => `  ${name.padEnd(18)} ${title}`).join('\n')}`,
  options: {
    client: { type: 'string', default: 'keyslot', names: Object.keys(clients) },
    short: { type: 'boolean', default: false },
  },
  names: scenarios.map(({ name }) => name),
};

interface Arguments {
  readonly settings: { readonly client: readonly string[]; readonly short: boolean };
  readonly names: readonly string[];
}

/** Where the programs of `servers/` find what a scenario needs. */
const VARIABLES: Readonly<Record<Need, string>> = {
  clock: 'KEYSLOT_CLOCK_LIBRARY',
  'redis-8.0': 'KEYSLOT_NEXT_SERVER',
  'valkey-8.0': 'KEYSLOT_NEXT_SERVER',
};

/** Provides what a scenario needs, and returns its path. */
type Provide = (need: Need) => Promise<string>;

/** Plays scenarios one after the other, each on a cluster of its own. @returns whether Keyslot reached all its goals */
export async function run(
  { settings, names }: Arguments,
  signal: AbortSignal,
  provide: Provide,
): Promise<boolean> {
  const client = clients[settings.client[0]]();
  const form: Form = settings.short ? 'short' : 'full';
  const chosen = scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
  const rows: string[][] = [];
  let allReached = true;
  for (const scenario of chosen) {
    signal.throwIfAborted();
    const figures = await play(scenario, client, form, signal, provide);
    rows.push(summaryRow(scenario, figures));
    if (typeof figures === 'string') {
      console.log(`${scenario.name}: ${figures}\n`);
      if (scenario.keyslotOnly === undefined) allReached = false;
      continue;
    }
    console.log(`${report(scenario, client.title, figures)}\n`);
    if (missedGoals(scenario, figures, true).length > 0) allReached = false;
  }
  console.log(
    `${client.title}, ${form} form, Node.js ${process.version}, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`,
  );
  console.log(table(SUMMARY_HEAD, rows));
  return allReached || client !== clients.keyslot();
}

async function play(
  scenario: Scenario,
  client: ClientUnderTest,
  form: Form,
  signal: AbortSignal,
  provide: Provide,
): Promise<Figures | string> {
  if (scenario.keyslotOnly !== undefined && client !== clients.keyslot()) return scenario.keyslotOnly;
  const { needs } = scenario;
  if (needs !== undefined) process.env[VARIABLES[needs]] = await provide(needs);
  const cluster = await LocalCluster.start({ signal, ...scenario.cluster });
  try {
    return await scenario.play({ cluster, client, form, password: scenario.cluster?.password });
  } catch (error) {
    return `could not be played: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    await cluster.stop();
  }
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  );
}
