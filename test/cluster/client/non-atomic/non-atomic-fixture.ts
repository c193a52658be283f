import { type ClusterClient, keySlot } from 'keyslot';
import type { StepClient } from '../../../../lib/client/non-atomic/steps.js';

let serial = 0;

/** Fresh keys by the names that a test has for them: each in a slot of its own, or all in one. */
export function freshKeys(
  keyspace: string,
  names: readonly string[],
  { together = false, keyPrefix = '' }: { together?: boolean; keyPrefix?: string } = {},
): Map<string, string> {
  const run = `${keyspace}${serial++}`;
  const keys = new Map<string, string>();
  const slots = new Set<number>();
  for (const name of names) {
    let key = `${name}:${run}`;
    while (slots.has(keySlot(keyPrefix + key))) key += '+';
    slots.add(keySlot(keyPrefix + key));
    keys.set(name, together ? `${name}{${run}}` : key);
  }
  return keys;
}

/** Fresh keys, each in a slot of its own. */
export function spreadKeys(keyspace: string, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `key${i}`);
  return [...freshKeys(keyspace, names).values()];
}

/** A client of which each call to the cluster goes through `step`. */
export function stepping(client: ClusterClient, step: <T>(call: () => Promise<T>) => Promise<T>): StepClient {
  const queued = <T extends { exec(): Promise<unknown> }>(queue: T): T => {
    const exec = queue.exec.bind(queue);
    queue.exec = () => step(exec);
    return queue;
  };
  return {
    send: (...call) => step(() => client.send(...call)),
    runScript: (...call) => step(() => client.runScript(...call)),
    pipeline: () => queued(client.pipeline()),
    multi: () => queued(client.multi()),
  };
}
