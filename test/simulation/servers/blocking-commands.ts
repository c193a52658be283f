import { type MemoryReply, NO_LIST } from '../../../lib/testing/memory/command-parts/reply.js';

/** Runs a command of the store in memory. */
type Run = (words: readonly string[]) => MemoryReply;

/** A command that waits until it has something to return. */
export interface BlockingCommand {
  readonly keys: readonly string[];
  /** How long it waits, in ms; 0 for ever. */
  readonly ms: number;
  /** Returns what it returns now; `undefined` if it has to wait. */
  attempt(run: Run): MemoryReply | undefined;
}

type Reader = (args: readonly string[]) => BlockingCommand | undefined;

const seconds = (text: string): number => Math.ceil(Number(text) * 1_000);

/** Tries one key after the other. Replies with the key and what was taken from it. */
const firstOf =
  (keys: readonly string[], words: (key: string) => readonly string[]) =>
  (run: Run): MemoryReply | undefined => {
    for (const key of keys) {
      const taken = run(words(key));
      if (taken !== null && taken !== NO_LIST) return [key, taken];
    }
    return undefined;
  };

const popOne =
  (command: string): Reader =>
  (args) => {
    const keys = args.slice(0, -1);
    return {
      keys,
      ms: seconds(args[args.length - 1]),
      attempt: firstOf(keys, (key) => [command, key]),
    };
  };

const READERS: Readonly<Record<string, Reader>> = {
  blpop: popOne('lpop'),
  brpop: popOne('rpop'),
  blmpop: ([timeout, count, ...rest]) => {
    const keys = rest.slice(0, Number(count));
    const [end, , most = '1'] = rest.slice(Number(count));
    const command = end.toUpperCase() === 'LEFT' ? 'lpop' : 'rpop';
    return {
      keys,
      ms: seconds(timeout),
      attempt: firstOf(keys, (key) => [command, key, most]),
    };
  },
  blmove: ([from, to, ...rest]) => ({
    keys: [from],
    ms: seconds(rest[2]),
    attempt: (run) => run(['lmove', from, to, rest[0], rest[1]]) ?? undefined,
  }),
  xread: (args) => {
    const at = args.findIndex((word) => word.toUpperCase() === 'BLOCK');
    const streams = args.findIndex((word) => word.toUpperCase() === 'STREAMS');
    if (at < 0 || streams < at) return undefined;
    const words = ['xread', ...args.toSpliced(at, 2)];
    const named = args.slice(streams + 1);
    return {
      keys: named.slice(0, named.length / 2),
      ms: Number(args[at + 1]),
      attempt: (run) => {
        const found = run(words);
        return found === NO_LIST ? undefined : found;
      },
    };
  },
};

/** Returns the command that words are, if it is one that waits. */
export function blockingCommand([name, ...args]: readonly string[]): BlockingCommand | undefined {
  const known = name.toLowerCase();
  return Object.hasOwn(READERS, known) ? READERS[known](args) : undefined;
}
