// Writes lib/cluster/command-table/command-rows.ts from what running servers say in COMMAND. Run by hand, after `npm run build`:
//   node scripts/generate-command-rows.mjs 127.0.0.1:7001 127.0.0.1:7002 && npx prettier --write lib/cluster/command-table/command-rows.ts
// Give the newest server first: where two know a command, the first one's word is taken. The rows there are now
// were made from Redis 8.0 and Valkey 8.1; commands newer than these stand below, from their documentation, as far
// as it goes: no server that has them was at hand.
import { writeFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { linesFromCommandReply } from '../.cache/modules/cluster/command-table/command-reply.js';
import { at, counted } from '../.cache/modules/cluster/command-table/command-keys.js';

const TARGET = new URL('../lib/cluster/command-table/command-rows.ts', import.meta.url);

const onKey = (flags, ...names) => names.map((name) => [name, flags, '', at(0)]);
const keyless = (flags, tips, ...names) => names.map((name) => [name, flags, tips]);

const newerCommands = [
  // Redis 8.2 to 8.10
  ...onKey('readonly', 'digest', 'vismember', 'vrange'),
  ...onKey('write', 'delex', 'increx', 'xackdel', 'xcfgset', 'xdelex', 'xidmprecord', 'xnack'),
  ['msetex', 'write', 'multi_shard all_succeeded', counted(0, 2)],
  ...onKey(
    'readonly',
    'arcount',
    'arget',
    'argetrange',
    'argrep',
    'arinfo',
    'arlastitems',
    'arlen',
    'armget',
  ),
  ...onKey('readonly', 'arnext', 'arop', 'arscan'),
  ...onKey('write', 'ardel', 'ardelrange', 'arinsert', 'armset', 'arring', 'arseek', 'arset'),
  ['lmovem', 'write', '', at(0), at(1)],
  ['blmovem', 'write blocking', '', at(0), at(1)],
  ['sdiffcard', 'readonly', '', counted(0)],
  ['sunioncard', 'readonly', '', counted(0)],
  ['himport set', 'write', '', at(1)],
  ...keyless('', 'all_shards', 'himport', 'himport prepare', 'himport discard', 'himport discardall'),
  ...keyless('', '', 'cluster migration', 'cluster syncslots', 'backup', 'backup abort', 'backup cleanup'),
  ...keyless('', '', 'backup help', 'backup list', 'backup seal', 'backup start', 'backup status', 'hotkeys'),
  ...keyless('', '', 'hotkeys get', 'hotkeys help', 'hotkeys reset', 'hotkeys start', 'hotkeys stop'),
  ...keyless('write', '', 'trimslots'),
  // Valkey 9.0 and 9.1
  ...onKey('write', 'delifeq'),
  ['clusterscan', 'readonly not_key', 'special special', at(0)],
  ...keyless('', '', 'cluster cancelslotmigrations', 'cluster getslotmigrations', 'cluster migrateslots'),
  ...keyless('write', '', 'cluster flushslot'),
];

async function linesOf(address) {
  const [host, port] = address.split(':');
  const redis = new Redis({ host, port: Number(port) });
  try {
    return linesFromCommandReply(await redis.call('COMMAND'));
  } finally {
    redis.disconnect();
  }
}

/** A key specification as the call that makes it. */
function sourceOf({ kind, start, last, step, share, count, first }) {
  const begin = typeof start === 'number' ? start : JSON.stringify(start);
  if (kind === 'counted') return call('counted', [begin], [step, count, first], [1, 0, count + 1]);
  if (typeof start !== 'number' && last === 0) return `behind('${start.word}', ${start.from})`;
  if (typeof start !== 'number' && share === 2) return `halfBehind('${start.word}', ${start.from})`;
  return last === 0 ? `at(${begin})` : call('span', [begin, last], [step, share], [1, 1]);
}

/** Optional arguments are left out from the end, as long as they are the defaults. */
function call(name, needed, optional, defaults) {
  while (optional.length > 0 && optional.at(-1) === defaults[optional.length - 1]) optional.pop();
  return `${name}(${[...needed, ...optional].join(', ')})`;
}

const lines = new Map();
for (const address of process.argv.slice(2)) {
  for (const line of await linesOf(address)) if (!lines.has(line[0])) lines.set(line[0], line);
}
for (const line of newerCommands) if (!lines.has(line[0])) lines.set(line[0], line);

const rows = [...lines.values()]
  .sort(([one], [other]) => (one < other ? -1 : 1))
  .map(
    ([name, flags, tips, ...keys]) =>
      `  ['${[name, flags, tips].join("', '")}'${keys.map((key) => `, ${sourceOf(key)}`).join('')}],`,
  );

writeFileSync(
  TARGET,
  `// What servers say of their commands; made by scripts/generate-command-rows.mjs, and not edited by hand.
// Where we differ from it: command-policies.ts, idempotent-commands.ts, blocked-commands.ts.
import { at, behind, counted, halfBehind, span, type KeySpec } from './command-keys.js';
import type { RequestTip, ResponseTip } from './command-policies.js';

type Flag = 'readonly' | 'write' | 'blocking' | 'not_key';

/** Of the server's flags those that matter here; \`not_key\`: what stands in a key's place is none. */
export type CommandFlags = '' | Flag | \`\${Flag} \${Flag}\`;

/** The request policy and the response policy among the server's tips. */
export type CommandTips = '' | RequestTip | \`\${RequestTip} \${ResponseTip}\`;

/** One command: its name, a subcommand's with its container before it; flags; tips; where its keys are. */
export type CommandLine = readonly [name: string, flags: CommandFlags, tips: CommandTips, ...keys: KeySpec[]];

export const commandLines: readonly CommandLine[] = [
${rows.join('\n')}
];
`,
);
console.log(`${rows.length} rows`);
