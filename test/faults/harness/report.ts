import { errorCount, type Figures } from './figures.js';
import { missedGoals, type Scenario } from './scenario.js';

const whole = (value: number): string =>
  Number.isFinite(value) ? Math.round(value).toLocaleString('en') : 'never';

/** How many keys whose calls are unexplained a report shows. */
const MOST_SHOWN = 3;

/** The figures of one scenario, as text for people. */
export function report(scenario: Scenario, client: string, figures: Figures): string {
  const {
    calls,
    errors,
    verdict,
    history,
    shards,
    commits,
    messages,
    hallWorkers,
    refreshes,
    connections,
    more,
  } = figures;
  const codes = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  const missed = missedGoals(scenario, figures, true);
  const rows: [string, string][] = [
    ['calls', whole(calls)],
    ['errors', `${errorCount(figures)}${codes.length > 0 ? ` (${codes.join(', ')})` : ''}`],
    ['answered and lost', String(verdict.lost)],
    ['executed twice', String(verdict.twice)],
    ['said not to be executed, and executed', String(verdict.untruthful)],
    ['out of order', String(verdict.disordered)],
    [
      'history',
      `${whole(history.calls)} calls on ${whole(history.keys)} keys, ${history.unexplained.length} keys unexplained, ` +
        `${history.undecided} undecided`,
    ],
  ];
  if (commits !== undefined) {
    const failed = [...commits.failed].map(([code, count]) => `${count} ${code}`).join(', ') || 'none';
    rows.push([
      'entities',
      `${whole(commits.commits)} saved, failed: ${failed}, lost: ${commits.lost}, twice: ${commits.twice}`,
    ]);
  }
  if (messages !== undefined) {
    const { published, missed: silent, inGaps, gaps } = messages;
    rows.push([
      'messages',
      `${whole(published)} published, ${inGaps} missed in ${gaps} gaps told, ${silent} missed silently`,
    ]);
  }
  if (hallWorkers !== undefined) {
    const { operations, refused, wrong, faults } = hallWorkers;
    const examples = [...wrong, ...faults].slice(0, 5).map((fault) => `; ${fault}`);
    rows.push([
      'rows with indexes',
      `${whole(operations)} operations, ${refused} refused, ${wrong.length} ended wrongly, ` +
        `${faults.length} disagreements${examples.join('')}`,
    ]);
  }
  for (const { shard, serverDownMs, clientDownMs, lagMs, p50Ms, p99Ms, worstMs, recovered } of shards) {
    const outage = recovered
      ? `servers down ${whole(serverDownMs)} ms, client ${whole(clientDownMs)} ms, its own share ${whole(lagMs)} ms`
      : `servers down ${whole(serverDownMs)} ms, the client never came back`;
    rows.push([
      `shard ${shard}`,
      `${outage}; p50 ${p50Ms.toFixed(1)}, p99 ${whole(p99Ms)}, worst ${whole(worstMs)} ms`,
    ]);
  }
  rows.push([
    'asked for the topology',
    `${refreshes} times, ${connections} connections (all nodes, all who asked)`,
  ]);
  for (const [name, value] of Object.entries(more)) rows.push([name, whole(value)]);
  rows.push(['goals', missed.length === 0 ? 'all reached' : `MISSED: ${missed.join('; ')}`]);
  if (verdict.examples.length > 0) rows.push(['for example', verdict.examples.join(', ')]);
  for (const text of history.unexplained.slice(0, MOST_SHOWN)) rows.push(['unexplained', text]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return `${scenario.name}: ${scenario.title} [${client}]\n${lines.join('\n')}`;
}

/** One line of the table over all scenarios. */
export function summaryRow(scenario: Scenario, figures: Figures | string): string[] {
  if (typeof figures === 'string') return [scenario.name, figures, '', '', '', '', ''];
  const { calls, verdict, shards } = figures;
  const stayedDown = shards.filter(({ recovered }) => !recovered).length;
  const lag = stayedDown > 0 ? 'never' : whole(Math.max(0, ...shards.map(({ lagMs }) => lagMs)));
  return [
    scenario.name,
    whole(calls),
    String(errorCount(figures)),
    String(verdict.twice),
    String(verdict.lost),
    lag,
    missedGoals(scenario, figures, true).join('; ') || 'all',
  ];
}

export const SUMMARY_HEAD = ['scenario', 'calls', 'errors', 'twice', 'lost', 'client lag ms', 'goals'];
