import { ReplyError } from '../../cluster/common/errors.js';
import { PartialFailureError } from '../../cluster/retry/partial-failure-error.js';
import type { EntityClient } from '../common/entity-client.js';

/** More keys than any slot of a server holds. */
const ALL_KEYS = 2 ** 31 - 1;

// A script on each node saves one command for each slot: most slots of most clusters are empty.
const COUNTS = `
local found = {}
for slot = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local count = redis.call('CLUSTER', 'COUNTKEYSINSLOT', slot)
  if count > 0 then
    found[#found + 1] = slot
    found[#found + 1] = count
  end
end
return found`;

const NAMES = `
local found, prefix = {}, ARGV[1]
for i = 2, #ARGV do
  local names = {}
  for _, name in ipairs(redis.call('CLUSTER', 'GETKEYSINSLOT', ARGV[i], ${ALL_KEYS})) do
    if string.sub(name, 1, #prefix) == prefix then names[#names + 1] = name end
  end
  found[#found + 1] = names
end
return found`;

/**
 * The keys that slots have on all primaries. Each request is made twice: a key that moves from one primary to another
 * meanwhile may be passed over once. Where a server or its access rules refuse the scripts, plain commands are sent.
 */
export class SlotKeys {
  private isScripted = true;

  constructor(
    private readonly client: EntityClient,
    private readonly prefix: string,
  ) {}

  /** How many keys each slot has, of those that may have any; 1 where the number is not known. In order. */
  async counts(from: number, to: number): Promise<(readonly [slot: number, count: number])[]> {
    const replies = await this.scripted<(number | bigint)[]>(COUNTS, from, to - 1);
    if (!replies) return Array.from({ length: to - from }, (_, i) => [from + i, 1] as const);
    const counts = new Map<number, number>();
    for (const reply of replies)
      for (let i = 0; i < reply.length; i += 2) {
        const slot = Number(reply[i]);
        counts.set(slot, Math.max(counts.get(slot) ?? 0, Number(reply[i + 1])));
      }
    return [...counts].sort(([one], [other]) => one - other);
  }

  /** For each of these slots the names of its keys that begin with the prefix. */
  async names(slots: readonly number[]): Promise<Set<string>[]> {
    const replies = await this.scripted<string[][]>(NAMES, this.prefix, ...slots);
    if (!replies) return Promise.all(slots.map((slot) => this.plainNames(slot)));
    return slots.map((_, i) => new Set(replies.flatMap((reply) => reply[i])));
  }

  private async plainNames(slot: number): Promise<Set<string>> {
    const replies = await this.twice<string[]>('CLUSTER', 'GETKEYSINSLOT', slot, ALL_KEYS);
    return new Set(replies.flat().filter((name) => name.startsWith(this.prefix)));
  }

  /** @returns nothing where the script cannot be run. */
  private async scripted<T>(script: string, ...args: (string | number)[]): Promise<T[] | undefined> {
    if (!this.isScripted) return undefined;
    try {
      return await this.twice<T>('EVAL_RO', script, 0, ...args);
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.isScripted = false;
      return undefined;
    }
  }

  /** The replies of all primaries, of both times. */
  private async twice<T>(command: string, ...args: (string | number)[]): Promise<T[]> {
    const primaries = this.client.target('primaries');
    const first = (await primaries.call(command, ...args)) as Map<string, T>;
    const second = (await primaries.call(command, ...args)) as Map<string, T>;
    return [...first.values(), ...second.values()];
  }
}

/** Whether a node has answered that it does not do this. */
const isRefused = (error: unknown): boolean =>
  error instanceof PartialFailureError && [...error.errors.values()].some((one) => one instanceof ReplyError);
