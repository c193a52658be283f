import { randomBytes } from 'node:crypto';
import { ClusterClient } from '../../client/cluster-client.js';
import { measure, type Measurement, type MeasureOptions, type Workload } from '../bench/measure.js';
import type { Arguments } from '../common/arguments.js';
import type { Command, CommandContext } from '../common/command.js';
import { CONNECTION_OPTIONS, connectionOptions } from '../common/connection-options.js';
import { counted } from '../common/counted.js';
import { EXIT } from '../common/exit-code.js';
import { shutdownSignal } from '../common/shutdown-signal.js';

const DEFAULTS = { seconds: 2, concurrency: 50, size: 100 };
const KEYS = 1_000;
const PIPELINED = 100;
/** The keys are deleted at the end; if that fails, they expire, in seconds. */
const EXPIRY = 600;

/** `keyslot bench`: how fast calls are from here. */
export const benchCommand: Command = {
  name: 'bench',
  summary: 'Measure calls to a cluster from this machine',
  takes: '[NODES]',
  count: [0, 1],
  options: [
    { name: 'seconds', value: 'N', help: `Seconds per kind of call (default ${DEFAULTS.seconds})` },
    {
      name: 'concurrency',
      value: 'N',
      help: `Calls that wait at the same time (default ${DEFAULTS.concurrency})`,
    },
    { name: 'size', value: 'BYTES', help: `Size of the values (default ${DEFAULTS.size})` },
    { name: 'json', help: 'Print JSON' },
    ...CONNECTION_OPTIONS,
  ],
  notes: [
    `It writes ${KEYS} keys that begin with keyslot-bench:, and deletes them at the end. They expire after ${EXPIRY / 60} minutes in any case.`,
    'The figures are those of one process on this machine, beside whatever else runs here and on the servers. Compare runs\nunder the same conditions only.',
  ],
  async run(given, context) {
    const options = {
      seconds: given.count('seconds', 1, 60) ?? DEFAULTS.seconds,
      concurrency: given.count('concurrency', 1, 10_000) ?? DEFAULTS.concurrency,
      signal: shutdownSignal(context.environment),
    };
    const size = given.count('size', 1, 1_048_576) ?? DEFAULTS.size;
    const client = new ClusterClient(connectionOptions(given, context, given.words[0]));
    const keys = newKeys();
    try {
      await client.connect();
      const results = await measureAll(client, keys, 'x'.repeat(size), options);
      print(results, client, { ...options, size }, given, context);
      return results.some(({ errors }) => errors > 0) ? EXIT.no : EXIT.ok;
    } finally {
      if (client.status === 'ready') await client.unlink(...keys).catch(() => {});
      await client.close();
    }
  },
};

function newKeys(): string[] {
  const run = randomBytes(4).toString('hex');
  return Array.from({ length: KEYS }, (_, i) => `keyslot-bench:${run}:${i}`);
}

async function measureAll(
  client: ClusterClient,
  keys: readonly string[],
  value: string,
  options: MeasureOptions,
): Promise<Measurement[]> {
  const key = (i: number): string => keys[i % KEYS];
  const workloads: Workload[] = [
    { name: 'SET', commands: 1, call: (i) => client.set(key(i), value, 'EX', EXPIRY) },
    { name: 'GET', commands: 1, call: (i) => client.get(key(i)) },
    {
      name: `pipeline of ${PIPELINED} GETs`,
      commands: PIPELINED,
      async call(i) {
        const pipeline = client.pipeline();
        for (let n = 0; n < PIPELINED; n++) pipeline.get(key(i * PIPELINED + n));
        const failed = (await pipeline.exec())?.find(([error]) => error !== null);
        if (failed !== undefined) throw failed[0] as Error;
      },
    },
  ];
  const results: Measurement[] = [];
  for (const workload of workloads)
    if (!options.signal.aborted) results.push(await measure(workload, options));
  return results;
}

function print(
  results: readonly Measurement[],
  { topology }: ClusterClient,
  { seconds, concurrency, size }: MeasureOptions & { readonly size: number },
  given: Arguments,
  { terminal }: CommandContext,
): void {
  if (given.has('json')) return terminal.printJson({ seconds, concurrency, size, results });
  terminal.print(
    `${counted(topology.primaries.length, 'primary', 'primaries')}, ${concurrency} calls at a time, values of ` +
      `${counted(size, 'byte')}, ${counted(seconds, 'second')} each`,
  );
  terminal.printTable(
    ['call', 'commands/s', 'p50 ms', 'p99 ms', 'errors'],
    results.map(({ name, commandsPerSecond, p50Ms, p99Ms, errors }) => [
      name,
      String(commandsPerSecond),
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      String(errors),
    ]),
  );
}
