import { ReplyError } from '../../cluster/common/errors.js';
import { PartialFailureError } from '../../cluster/retry/partial-failure-error.js';
import type { EntityClient } from '../common/entity-client.js';

/** More keys than any slot can have. */
const ALL_KEYS = 2 ** 31 - 1;

// One script per node replaces one command per slot: in most clusters, most slots are empty.
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
 * Lists the keys of slots on all primaries. It makes each request twice, because one request can miss a key that moves
 * between two primaries. If a server or its ACL rules refuse the scripts, it sends plain commands.
 */
export class SlotKeys {
  private isScripted = true;

  constructor(
    private readonly client: EntityClient,
    private readonly prefix: string,
  ) {}

  /** Returns the number of keys of each slot that can have any, in slot order; 1 if the number is unknown. */
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

  /** Returns the keys of each slot that begin with the prefix. */
  async names(slots: readonly number[]): Promise<Set<string>[]> {
    const replies = await this.scripted<string[][]>(NAMES, this.prefix, ...slots);
    if (!replies) return Promise.all(slots.map((slot) => this.plainNames(slot)));
    return slots.map((_, i) => new Set(replies.flatMap((reply) => reply[i])));
  }

  private async plainNames(slot: number): Promise<Set<string>> {
    const replies = await this.twice<string[]>('CLUSTER', 'GETKEYSINSLOT', slot, ALL_KEYS);
    return new Set(replies.flat().filter((name) => name.startsWith(this.prefix)));
  }

  /** Runs a script on all primaries. Returns undefined if it is refused. */
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

  /** Sends a command to all primaries twice, and returns all replies. */
  private async twice<T>(command: string, ...args: (string | number)[]): Promise<T[]> {
    const primaries = this.client.target('primaries');
    const first = (await primaries.call(command, ...args)) as Map<string, T>;
    const second = (await primaries.call(command, ...args)) as Map<string, T>;
    return [...first.values(), ...second.values()];
  }
}

/** Returns whether a node refused the command. */
const isRefused = (error: unknown): boolean =>
  error instanceof PartialFailureError && [...error.errors.values()].some((one) => one instanceof ReplyError);
