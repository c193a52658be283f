import { at, span, type KeySpec } from './command-keys.js';
import { requestTips, responseTips, type RequestTip, type ResponseTip } from './command-policies.js';
import type { CommandFlags, CommandLine, CommandTips } from './command-rows.js';
import { commandRow, type CommandRow } from './command-table.js';
import type { Reply } from '../protocol/reply.js';

/** Returns rows for the commands in a COMMAND reply. Skips invalid entries. */
export function rowsFromCommandReply(reply: Reply): CommandRow[] {
  return linesFromCommandReply(reply).map(commandRow);
}

/**
 * Returns a COMMAND reply as lines of the command table, each container before its subcommands. The reply is
 * described at https://redis.io/docs/latest/commands/command/. It has key specifications, tips and subcommands
 * since 7.0.
 */
export function linesFromCommandReply(reply: Reply): CommandLine[] {
  return listOf(reply).flatMap((entry) => {
    const line = lineOf(entry);
    if (line === undefined) return [];
    const subcommands = listOf(listOf(entry)[9]).map(lineOf);
    return [line, ...subcommands.filter((subcommand) => subcommand?.[0].startsWith(`${line[0]} `) === true)];
  }) as CommandLine[];
}

/** The allowed names of a command, and of a subcommand, which is written `container|subcommand`. */
const NAME = /^[^\s|]{1,128}(\|[^\s|]{1,128})?$/;

function lineOf(entry: Reply): CommandLine | undefined {
  const [name, , flags, firstKey, lastKey, keyStep, , tips, specs] = listOf(entry).slice(0, 9);
  const text = textOf(name);
  if (!NAME.test(text)) return undefined;
  const words = listOf(flags).map(textOf);
  const specified = listOf(specs).map(mapOf);
  const keys = specified.flatMap(keySpecOf);
  if (keys.length === 0) keys.push(...positionalKeys(firstKey, lastKey, keyStep, words));
  const notKeys =
    specified.length > 0 &&
    specified.every((spec) => listOf(spec.get('flags')).map(textOf).includes('not_key'));
  return [text.toLowerCase().replace('|', ' '), flagsOf(words, notKeys), tipsOf(tips), ...keys];
}

function flagsOf(words: readonly string[], notKeys: boolean): CommandFlags {
  const flags: string[] = (['readonly', 'write', 'blocking'] as const).filter((flag) => words.includes(flag));
  if (notKeys) flags.push('not_key');
  return flags.join(' ') as CommandFlags;
}

function tipsOf(reply: Reply): CommandTips {
  let request = '';
  let response = '';
  for (const tip of listOf(reply)) {
    const [kind, value] = textOf(tip).split(':');
    if (kind === 'request_policy' && Object.hasOwn(requestTips, value)) request = value as RequestTip;
    if (kind === 'response_policy' && Object.hasOwn(responseTips, value))
      response = ` ${value as ResponseTip}`;
  }
  return (request === '' ? '' : request + response) as CommandTips;
}

/** Reads one key specification of the server; returns none if it is unknown. Its indexes count the command's name. */
function keySpecOf(spec: ReadonlyMap<string, Reply>): KeySpec[] {
  const [beginType, begin] = typedPartOf(spec.get('begin_search'));
  const [findType, find] = typedPartOf(spec.get('find_keys'));
  const word = textOf(begin.get('keyword') ?? null);
  const from = numberOf(begin.get('startfrom') ?? null);
  const index = numberOf(begin.get('index') ?? null);
  const fromIndex = from > 0 ? from - 1 : from;
  const start = beginType === 'keyword' && word !== '' ? { word, from: fromIndex } : index - 1;
  if (typeof start === 'number' ? !(start >= 0) : !Number.isInteger(start.from)) return [];

  const step = numberOf(find.get('keystep') ?? null);
  if (!(step > 0)) return [];
  if (findType === 'range') {
    const last = numberOf(find.get('lastkey') ?? null);
    const limit = numberOf(find.get('limit') ?? 0);
    return Number.isNaN(last) || Number.isNaN(limit) ? [] : [span(start, last, step, Math.max(limit, 1))];
  }
  if (findType === 'keynum') {
    const count = numberOf(find.get('keynumidx') ?? null);
    const first = numberOf(find.get('firstkey') ?? null);
    return count >= 0 && first >= 0 ? [{ kind: 'counted', start, count, first, step }] : [];
  }
  return [];
}

/**
 * Returns the keys by the three numbers that servers before 7.0 report. If only the server can find them, that
 * is the first argument.
 */
function positionalKeys(first: Reply, last: Reply, step: Reply, flags: readonly string[]): KeySpec[] {
  const [from, to, by] = [numberOf(first), numberOf(last), numberOf(step)];
  if (from > 0 && by > 0 && !Number.isNaN(to)) return [span(from - 1, to < 0 ? to : to - from, by)];
  return flags.includes('movablekeys') ? [at(0)] : [];
}

/** Reads a part of a key specification: its type, and what depends on it. */
function typedPartOf(reply: Reply | undefined): [string, ReadonlyMap<string, Reply>] {
  const part = mapOf(reply ?? null);
  return [textOf(part.get('type') ?? null), mapOf(part.get('spec') ?? null)];
}

/** Reads alternating names and values as a Map. */
function mapOf(reply: Reply): ReadonlyMap<string, Reply> {
  const items = listOf(reply);
  const map = new Map<string, Reply>();
  for (let index = 0; index + 1 < items.length; index += 2) map.set(textOf(items[index]), items[index + 1]);
  return map;
}

function listOf(reply: Reply | undefined): Reply[] {
  return Array.isArray(reply) ? reply : [];
}

function textOf(reply: Reply): string {
  if (typeof reply === 'string') return reply;
  return Buffer.isBuffer(reply) ? reply.toString() : '';
}

function numberOf(reply: Reply): number {
  return typeof reply === 'number' && Number.isSafeInteger(reply) ? reply : NaN;
}
