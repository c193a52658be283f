import { blockedCommands, webRequestWords, type BlockedCommand } from './blocked-commands.js';
import {
  at,
  summarizeKeys,
  wordOf,
  type ArgumentTest,
  type CommandArgument,
  type KeyedCommand,
} from './command-keys.js';
import {
  commandPolicies,
  requestTips,
  responseTips,
  splitCommands,
  type RequestPolicy,
  type RequestTip,
  type ResponsePolicy,
  type ResponseTip,
} from './command-policies.js';
import { commandLines, type CommandLine } from './command-rows.js';
import { InvalidArgumentError } from '../common/errors.js';
import { idempotentCommands } from './idempotent-commands.js';

/** All that routing and retrying need to know of a command. */
export interface CommandRow extends KeyedCommand {
  /** Lower case; a subcommand with its container: `get`, `config get`. */
  readonly name: string;
  /** May be sent to a replica. */
  readonly readonly: boolean;
  /** May change keys. Neither this nor `readonly`: it has to do with the server (PING, CONFIG SET, PUBLISH). */
  readonly write: boolean;
  /** Needs a connection of its own, always or for some arguments: ask `isBlocking`. */
  readonly blocking: boolean | ArgumentTest;
  /** May run twice unnoticed, always or for some arguments: ask `isIdempotent`. */
  readonly idempotent: boolean | ArgumentTest;
  readonly request: RequestPolicy;
  readonly response: ResponsePolicy;
  /** Its `keys` only give the slot (a channel, a cursor): they are no keys, and take no key prefix. */
  readonly routingOnly: boolean;
  /** Any primary will do where that of its slot cannot be reached. */
  readonly anyPrimary: boolean;
  /** Why the command is refused, if it is: ask `refusalOf`. */
  readonly blocked: BlockedCommand | undefined;
}

/** Whether this call, run a second time, leaves the same state and gives the same reply. */
export function isIdempotent(row: CommandRow, args: readonly CommandArgument[]): boolean {
  return typeof row.idempotent === 'boolean' ? row.idempotent : row.idempotent(args);
}

/** Whether this call can hold up its connection until something happens elsewhere. */
export function isBlocking(row: CommandRow, args: readonly CommandArgument[]): boolean {
  return typeof row.blocking === 'boolean' ? row.blocking : row.blocking(args);
}

/** The row for what a server says of a command, with our own policies applied. */
export function commandRow([name, flags, tips, ...ownKeys]: CommandLine): CommandRow {
  const policy = commandPolicies.get(name);
  const keys = policy?.keys ?? ownKeys;
  const [request, response] = policiesOf(name, keys.length > 0, tips);
  const readonly = flags.includes('readonly');
  return {
    name,
    ...summarizeKeys(keys),
    keys,
    readonly,
    write: policy?.write ?? flags.includes('write'),
    blocking: policy?.blocking ?? flags.includes('blocking'),
    idempotent: idempotentCommands.get(name) ?? readonly,
    request: policy?.request ?? request,
    response: policy?.response ?? response,
    routingOnly: policy?.routingOnly ?? flags.includes('not_key'),
    anyPrimary: policy?.anyPrimary ?? false,
    blocked: blockedCommands.get(name) ?? webRequestWords.get(name),
  };
}

/** What follows from a server's tips alone. */
function policiesOf(name: string, keyed: boolean, tips: string): [RequestPolicy, ResponsePolicy] {
  if (splitCommands.has(name)) return ['split', 'sum'];
  if (keyed) return ['slot', 'single'];
  const [requestTip, responseTip] = tips.split(' ') as [RequestTip | '', ResponseTip?];
  const request = requestTip === '' ? 'defaultNode' : requestTips[requestTip];
  if (request !== 'allShards' && request !== 'allNodes') return ['defaultNode', 'single'];
  return [request, responseTip === undefined ? 'concatenate' : responseTips[responseTip]];
}

/**
 * The row for a command nobody has told us of (a module's, before COMMAND is read): its first argument, if
 * there is one, is taken for its key; it is neither sent to replicas nor sent again.
 * @throws InvalidArgumentError where it has no name
 */
export function unknownCommandRow(name: string, args: readonly CommandArgument[]): CommandRow {
  if (name === '') throw new InvalidArgumentError('name', 'The name of a command is text, and not empty');
  const lowerCaseName = name.toLowerCase();
  return args.length === 0
    ? commandRow([lowerCaseName, '', ''])
    : commandRow([lowerCaseName, 'write', '', at(0)]);
}

interface Entry {
  readonly row: CommandRow;
  /** A container's, by the lower-case name of the subcommand alone. */
  subcommands: Map<string, CommandRow> | undefined;
}

const builtinRows: readonly CommandRow[] = commandLines.map(commandRow);
const webRequestRows: readonly CommandRow[] = [...webRequestWords.keys()].map((word) =>
  commandRow([word, '', '']),
);

/** The names of all commands in the static table, containers without their subcommands. */
export const commandNames: readonly string[] = [...new Set(builtinRows.map((row) => row.name.split(' ')[0]))];

/** The commands one cluster knows: a static table, extended by what its servers tell. */
export class CommandTable {
  private readonly entries = new Map<string, Entry>();

  constructor() {
    this.extend(builtinRows);
    this.extend(webRequestRows);
  }

  /**
   * The row of a call, undefined where the command is unknown. Any case of the name will do; the subcommand
   * of a container (`config get`) is taken from the first argument, and an unknown one has the container's row.
   */
  lookup(name: string, args: readonly CommandArgument[]): CommandRow | undefined {
    // most names come in lower case already
    const entry = this.entries.get(name) ?? this.entries.get(name.toLowerCase());
    if (entry === undefined) return undefined;
    if (entry.subcommands === undefined || args.length === 0) return entry.row;
    return entry.subcommands.get(wordOf(args[0])) ?? entry.row;
  }

  /** Adds commands that are not yet known; rows of known names are left as they are. */
  extend(rows: readonly CommandRow[]): void {
    for (const row of rows) {
      const [name, subcommand] = row.name.split(' ');
      let entry = this.entries.get(name);
      if (entry === undefined) {
        entry = { row: subcommand === undefined ? row : commandRow([name, '', '']), subcommands: undefined };
        this.entries.set(name, entry);
      }
      if (subcommand === undefined) continue;
      entry.subcommands ??= new Map();
      if (!entry.subcommands.has(subcommand)) entry.subcommands.set(subcommand, row);
    }
  }
}
