import { nodeCommand } from '../harness/node-command.mjs';

/** Commands whose time has in it that of those which they run, and these are listed once more. */
const CONTAINERS = ['eval', 'evalsha', 'exec'];
/** What is sent beside them in the same operation, and never run inside them. */
const BESIDE = ['multi', 'hgetall'];
/** What is of the bench, or of the clients' own upkeep. */
const UNCOUNTED = ['info', 'cluster', 'ping', 'hello', 'client', 'config'];

/**
 * Microseconds that all nodes have spent in commands, and how many those were, since they began.
 * @param {{ host: string, port: number }[]} nodes
 * @returns {Promise<Map<string, { calls: number, micros: number }>>} by command
 */
export async function commandTimes(nodes) {
  const times = new Map();
  for (const info of await Promise.all(nodes.map((node) => nodeCommand(node, 'INFO commandstats')))) {
    for (const [, name, calls, micros] of info.matchAll(/cmdstat_([^:]+):calls=(\d+),usec=(\d+)/g)) {
      const sum = times.get(name) ?? { calls: 0, micros: 0 };
      times.set(name, { calls: sum.calls + Number(calls), micros: sum.micros + Number(micros) });
    }
  }
  return times;
}

/** The microseconds between two of them. What was run by a script or a transaction counts once. */
export function microsBetween(before, after) {
  const spent = new Map();
  for (const [name, { calls, micros }] of after) {
    const from = before.get(name) ?? { calls: 0, micros: 0 };
    const isNoise = UNCOUNTED.includes(name.split('|')[0]);
    if (calls > from.calls && !isNoise) spent.set(name, micros - from.micros);
  }
  const isContained = CONTAINERS.some((name) => spent.has(name));
  const counted = isContained ? [...CONTAINERS, ...BESIDE] : [...spent.keys()];
  return counted.reduce((sum, name) => sum + (spent.get(name) ?? 0), 0);
}
