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

/** Everything that routing and retrying need to know about a command. */
export interface CommandRow extends KeyedCommand {
  /** Lower case; a subcommand with its container: `get`, `config get`. */
  readonly name: string;
  /** May be sent to a replica. */
  readonly readonly: boolean;
  /** May change keys. If neither this nor `readonly`, it concerns the server (PING, CONFIG SET, PUBLISH). */
  readonly write: boolean;
  /** Needs a connection of its own, always or for some arguments: see `isBlocking`. */
  readonly blocking: boolean | ArgumentTest;
  /** May run twice without a difference, always or for some arguments: see `isIdempotent`. */
  readonly idempotent: boolean | ArgumentTest;
  readonly request: RequestPolicy;
  readonly response: ResponsePolicy;
  /** Whether its `keys` only determine the slot (a channel, a cursor): they are not keys, and get no key prefix. */
  readonly routingOnly: boolean;
  /** Whether any primary can serve it if that of its slot cannot be reached. */
  readonly anyPrimary: boolean;
  /** Why the command is blocked, if it is: see `refusalOf`. */
  readonly blocked: BlockedCommand | undefined;
}

/** Whether a second execution of this call leaves the same state and returns the same reply. */
export function isIdempotent(row: CommandRow, args: readonly CommandArgument[]): boolean {
  return typeof row.idempotent === 'boolean' ? row.idempotent : row.idempotent(args);
}

/** Whether this call can block its connection until something happens elsewhere. */
export function isBlocking(row: CommandRow, args: readonly CommandArgument[]): boolean {
  return typeof row.blocking === 'boolean' ? row.blocking : row.blocking(args);
}

/** Returns the row for a server's description of a command, with our own policies applied. */
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

/** Returns the policies that follow from a server's tips alone. */
function policiesOf(name: string, keyed: boolean, tips: string): [RequestPolicy, ResponsePolicy] {
  if (splitCommands.has(name)) return ['split', 'sum'];
  if (keyed) return ['slot', 'single'];
  const [requestTip, responseTip] = tips.split(' ') as [RequestTip | '', ResponseTip?];
  const request = requestTip === '' ? 'defaultNode' : requestTips[requestTip];
  if (request !== 'allShards' && request !== 'allNodes') return ['defaultNode', 'single'];
  return [request, responseTip === undefined ? 'concatenate' : responseTips[responseTip]];
}

/**
 * Returns the row for an unknown command (of a module, before COMMAND is read). Its first argument, if there is
 * one, counts as its key. It is neither sent to replicas nor sent again.
 * @throws InvalidArgumentError if it has no name
 */
export function unknownCommandRow(name: string, args: readonly CommandArgument[]): CommandRow {
  if (name === '') throw new InvalidArgumentError('name', 'The name of a command must be a non-empty string');
  const lowerCaseName = name.toLowerCase();
  return args.length === 0
    ? commandRow([lowerCaseName, '', ''])
    : commandRow([lowerCaseName, 'write', '', at(0)]);
}

interface Entry {
  readonly row: CommandRow;
  /** The subcommands of a container, by their lower-case name. */
  subcommands: Map<string, CommandRow> | undefined;
}

const builtinRows: readonly CommandRow[] = commandLines.map(commandRow);
const webRequestRows: readonly CommandRow[] = [...webRequestWords.keys()].map((word) =>
  commandRow([word, '', '']),
);

/** The names of all commands in the static table; containers without their subcommands. */
export const commandNames: readonly string[] = [...new Set(builtinRows.map((row) => row.name.split(' ')[0]))];

type Entries = Map<string, Entry>;

/** The static table, which all clients share. */
const builtinEntries: Entries = new Map();
addRows(builtinEntries, builtinRows);
addRows(builtinEntries, webRequestRows);

/** The commands that a cluster knows: a static table, extended by what its servers report. */
export class CommandTable {
  private entries = builtinEntries;

  /**
   * Returns the row of a call; undefined if the command is unknown. The case of the name is ignored. The
   * subcommand of a container (`config get`) is the first argument; an unknown one has the container's row.
   */
  lookup(name: string, args: readonly CommandArgument[]): CommandRow | undefined {
    // most names are in lower case already
    const entry = this.entries.get(name) ?? this.entries.get(name.toLowerCase());
    if (entry === undefined) return undefined;
    if (entry.subcommands === undefined || args.length === 0) return entry.row;
    return entry.subcommands.get(wordOf(args[0])) ?? entry.row;
  }

  /** Adds commands that are not known yet. Rows of known names stay unchanged. */
  extend(rows: readonly CommandRow[]): void {
    if (this.entries === builtinEntries) this.entries = copyOf(builtinEntries);
    addRows(this.entries, rows);
  }
}

function addRows(entries: Entries, rows: readonly CommandRow[]): void {
  for (const row of rows) {
    const [name, subcommand] = row.name.split(' ');
    let entry = entries.get(name);
    if (entry === undefined) {
      entry = { row: subcommand === undefined ? row : commandRow([name, '', '']), subcommands: undefined };
      entries.set(name, entry);
    }
    if (subcommand === undefined) continue;
    entry.subcommands ??= new Map();
    if (!entry.subcommands.has(subcommand)) entry.subcommands.set(subcommand, row);
  }
}

function copyOf(entries: Entries): Entries {
  const copy: Entries = new Map();
  for (const [name, { row, subcommands }] of entries)
    copy.set(name, { row, subcommands: subcommands && new Map(subcommands) });
  return copy;
}
