import { checkSignal, pauseFor } from '../../cluster/command/abort-signal.js';
import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import { describeOther } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError, UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import { LONGEST_TIMER_MS } from '../../cluster/common/timers.js';
import type { Reply } from '../../cluster/protocol/reply.js';
import { fieldsOf, listOf } from '../../cluster/topology/reply-fields.js';
import type { ClusterNode } from '../../cluster/topology/topology.js';
import type { AdminCalls } from '../cluster-calls/admin-calls.js';
import { isUnknownSubcommand } from './atomic-jobs.js';

/** Options of `hotKeys`. */
export interface HotKeysOptions {
  /** How long the servers record, in ms. Default 10000. */
  durationMs?: number | undefined;
  /** How many keys are returned for each measure, 1 to 64. Default 10. */
  count?: number | undefined;
  /** Ends the recording early, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A key that took much of its node's time or traffic. */
export interface HotKey {
  /** As it is stored, with its `keyPrefix`. */
  readonly key: string;
  readonly node: ClusterNode;
  /** CPU time in µs, or bytes. */
  readonly amount: number;
  /** The fraction of all that the node spent on commands in that time. */
  readonly share: number;
}

/** The hottest keys of the cluster, the hottest first. */
export interface HotKeys {
  readonly byCpu: readonly HotKey[];
  readonly byBytes: readonly HotKey[];
}

const DURATION_MS = 10_000;
const COUNT = 10;
const MOST = 64;
/** When servers stop to record if this process does not tell them, in s after the end. */
const GRACE_S = 60;
const OPTIONS: readonly (keyof HotKeysOptions)[] = ['durationMs', 'count', 'signal'];

/** Records hot keys on all primaries for a while; see `ClusterAdmin.hotKeys`. */
export async function findHotKeys(calls: AdminCalls, options: HotKeysOptions = {}): Promise<HotKeys> {
  checkOptionNames('hotKeys', options, OPTIONS);
  const { durationMs = DURATION_MS, count = COUNT, signal } = options;
  checkWhole('durationMs', durationMs, LONGEST_TIMER_MS);
  checkWhole('count', count, MOST);
  if (signal !== undefined) checkSignal(signal);
  signal?.throwIfAborted();
  const primaries = (await calls.allNodes()).filter(
    ({ role, slots }) => role === 'primary' && slots.length > 0,
  );
  const seconds = Math.ceil(durationMs / 1_000) + GRACE_S;
  const words = ['START', 'METRICS', 2, 'CPU', 'NET', 'COUNT', count, 'DURATION', seconds];
  const starts = await Promise.allSettled(
    primaries.map((node) => calls.repeatOnNode(node, 'hotkeys', words)),
  );
  // a recording that was under way belongs to somebody else
  const recording = primaries.filter((_, i) => starts[i].status === 'fulfilled');
  try {
    for (const start of starts) if (start.status === 'rejected') throw typedError(start.reason);
    await pauseFor(durationMs, signal);
    signal?.throwIfAborted();
    const replies = await Promise.all(primaries.map((node) => calls.repeatOnNode(node, 'hotkeys', ['GET'])));
    const hottest = (name: string, total: string): HotKey[] =>
      replies
        .flatMap((reply, i) => keysIn(reply, primaries[i], name, total))
        .toSorted((a, b) => b.amount - a.amount)
        .slice(0, count);
    return {
      byCpu: hottest('by-cpu-time-us', 'all-commands-all-slots-us'),
      byBytes: hottest('by-net-bytes', 'net-bytes-all-commands-all-slots'),
    };
  } finally {
    await Promise.allSettled(recording.map((node) => stop(calls, node)));
  }
}

async function stop(calls: AdminCalls, node: ClusterNode): Promise<void> {
  await calls.repeatOnNode(node, 'hotkeys', ['STOP']);
  await calls.repeatOnNode(node, 'hotkeys', ['RESET']);
}

function keysIn(reply: Reply, node: ClusterNode, name: string, total: string): HotKey[] {
  const fields = fieldsOf(unwrapped(reply));
  const all = Number(fields.get(total) ?? 0);
  return [...fieldsOf(fields.get(name) ?? [])].map(([key, amount]) => ({
    key,
    node,
    amount: Number(amount),
    share: all > 0 ? Number(amount) / all : 0,
  }));
}

/** The fields stand in a list of their own. */
function unwrapped(reply: Reply): Reply {
  const [first] = listOf(reply);
  return Array.isArray(first) ? first : reply;
}

function typedError(error: unknown): unknown {
  return isUnknownSubcommand(error)
    ? new UnsupportedServerFeatureError('hotKeys()', 'Redis 8.6 or later')
    : error;
}

function checkWhole(name: string, value: unknown, most: number): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return;
  throw new InvalidArgumentError(
    name,
    `${name} must be a whole number from 1 to ${most}, got ${describeOther(value)}`,
  );
}
