import { keySlot } from '../../../lib/cluster/topology/key-slot.js';
import { type Letter, LETTERS, ScriptConnection, type ScriptServers } from './script-servers.js';

/**
 * A step of a script: words that a connection sends, or an action. The name of a connection begins with the letter of its
 * node; one that is not open is opened. `{a}`, `{b}` and `{c}` are hash tags of shards A, B and C, others in each script.
 */
export type Step =
  readonly [connection: string, ...words: string[]] | readonly [action: Action, ...words: string[]];

export type Action = keyof typeof ACTIONS;

export type Script = readonly Step[];

/** Does something with the words behind the first one. Returns what was replied, if anything. */
type Act = (run: Run, ...words: string[]) => void | string | Promise<string | void>;

/** What is done in the place of sending a command, by the first word of a step. */
const ACTIONS = {
  /** Reads what arrives on a connection. */
  '!hear': (run: Run, name: string) => run.connection(name).read(),
  /** Sends a command whose reply comes later. */
  '!send': (run: Run, name: string, ...words: string[]) => run.connection(name).write(words),
  '!begin': (run: Run, tag: string, from: string, to: string) =>
    run.servers.beginMove(keySlot(tag), from as Letter, to as Letter),
  '!move': (run: Run, key: string) => run.servers.moveKey(key),
  '!end': (run: Run) => run.servers.endMove(),
  '!fail over': (run: Run, replica: string) => run.servers.failOver(replica as Letter),
  '!settle': (run: Run) => run.servers.settle(),
  '!pass': (run: Run, ms: string) => run.servers.pass(Number(ms)),
} satisfies Record<string, Act>;

/** Runs a script. Returns a line for each step, with what was replied. @param serial makes its hash tags its own */
export async function runScript(script: Script, servers: ScriptServers, serial: number): Promise<string[]> {
  const run = new Run(servers);
  const lines: string[] = [];
  try {
    for (const step of script) {
      const [first, ...words] = step.map((word) =>
        word.replace(/\{([abc])\}/g, (_, tag: string) => tagOf(tag, serial)),
      );
      const reply = first in ACTIONS ? await run.act(first as Action, words) : await run.call(first, words);
      lines.push(`${step.join(' ')} -> ${reply === undefined ? '' : run.plain(reply)}`);
    }
  } finally {
    run.close();
  }
  return lines;
}

class Run {
  private readonly connections = new Map<string, ScriptConnection>();

  constructor(readonly servers: ScriptServers) {}

  async act(action: Action, words: readonly string[]): Promise<string | undefined> {
    const act: Act = ACTIONS[action];
    return (await act(this, ...words)) ?? undefined;
  }

  /** Sends a command, and reads as many replies as it has. */
  async call(name: string, words: readonly string[]): Promise<string> {
    const connection = this.connection(name);
    connection.write(words);
    const count = /^[ps]?(un)?subscribe$/i.test(words[0]) ? Math.max(1, words.length - 1) : 1;
    const replies: string[] = [];
    // an error comes once
    while (replies.length < count && !replies.some((reply) => reply.startsWith('-')))
      replies.push(await connection.read());
    return replies.join(' ');
  }

  connection(name: string): ScriptConnection {
    let connection = this.connections.get(name);
    if (connection === undefined)
      this.connections.set(name, (connection = new ScriptConnection(this.servers, name[0] as Letter)));
    return connection;
  }

  /** Replaces what differs from cluster to cluster, and from version to version. */
  plain(reply: string): string {
    let text = reply;
    for (const [pattern, replacement] of DIFFERENT) text = text.replace(pattern, replacement);
    for (const letter of LETTERS) {
      const { host, port, id } = this.servers.describe(letter);
      text = text
        .replaceAll(`"${host}",:${port},"${id}"`, `node ${letter}`)
        .replaceAll(`${host}:${port}`, `node ${letter}`)
        .replaceAll(id, `id of ${letter}`);
    }
    return text;
  }

  close(): void {
    for (const connection of this.connections.values()) connection.close();
  }
}

const DIFFERENT: readonly (readonly [RegExp, string])[] = [
  [/("(?:server|version)"),"[^"]*"/g, '$1'],
  [/"id",:\d+/, '"id"'],
  [/"modules",\[.*\]\]/, '"modules",[]]'],
  [/ script:( [0-9a-f]{40},)? on @user_script(:\d+)?\./, ''],
  [/ Please use EVAL\./g, ''],
  [/NOPERM User \S+ has/, 'NOPERM this user has'],
  [/HELLO <proto> AUTH/, 'HELLO AUTH'],
];

/** The shards own the slots in this order. */
const SHARE = 16_384 / 3;

/** Returns a hash tag, with its braces, of a shard. */
function tagOf(shard: string, serial: number): string {
  for (let count = 0; ; count++) {
    const tag = `{${shard}${serial}-${count}}`;
    if (Math.floor(keySlot(tag) / SHARE) === 'abc'.indexOf(shard)) return tag;
  }
}
