import type { PlantedFault } from './planted-faults.js';

type Row = readonly [name: string, file: string, passage: string, replacement: string, schedules: number];

const ROWS: readonly Row[] = [
  [
    'TRYAGAIN reaches callers',
    'cluster/common/refusals',
    "['TRYAGAIN', { remedy: 'retry', refresh: false, unfit: false }],",
    '',
    200,
  ],
  [
    'a call whose keys are moved apart is not redirected at once after a wait',
    'cluster/routing/router',
    'PROMPT_REDIRECTS && isRedirect(before)',
    'PROMPT_REDIRECTS',
    200,
  ],
  [
    'messages are published again after a lost reply',
    'cluster/command-table/idempotent-commands',
    "['setex', true],",
    "['setex', true], ['publish', true], ['spublish', true],",
    50,
  ],
  [
    'later calls that wait are forgotten',
    'cluster/routing/retry-queue',
    'for (const commands of [queue.returned, queue.following])',
    'for (const commands of [queue.returned])',
    50,
  ],
  ['a silent connection is not examined', 'cluster/routing/liveness', 'void channel.probe();', '', 50],
  ['a gap is not reported', 'pubsub/links/reconciler', 'this.gaps$.next(shared.gap);', '', 200],
  [
    'a gap is reported as if nothing had been lost',
    'pubsub/subscriptions/topic',
    'since: Math.max(since, this.activeSince)',
    'since: Number.MAX_SAFE_INTEGER',
    200,
  ],
  [
    'a lost subscription is not restored',
    'pubsub/links/reconciler',
    'topic.lose({ node: from.node.name, since: this.intactUntil(from, reason), reason });\n    this.place(topic);',
    'topic.lose({ node: from.node.name, since: this.intactUntil(from, reason), reason });',
    50,
  ],
  [
    'a subscription that a server has ended is not restored',
    'pubsub/subscriptions/subscription-set',
    "entry.presence = 'absent';\n      this.queue(entry);\n    } else",
    "entry.presence = 'absent';\n    } else",
    50,
  ],
  [
    'a silent subscriber connection is not noticed',
    'pubsub/links/subscriber-link',
    "() => this.lose('nodeSilent'),\n    );\n    this.scheduleReconcile();",
    '() => {},\n    );\n    this.scheduleReconcile();',
    200,
  ],
  [
    'what waits at a node overtakes calls that it has refused',
    'cluster/routing/retry-queue',
    'if (keepsOrder && refusedBy?.dirty === false) this.scheduler.add(refusedBy);',
    '',
    400,
  ],
  ['an ASK redirect is followed without ASKING', 'cluster/routing/router', 'command.asking = true;', '', 400],
  [
    'RPUSH is sent again after a lost reply',
    'cluster/command-table/idempotent-commands',
    "['setex', true],",
    "['setex', true], ['rpush', true],",
    400,
  ],
  [
    'a deadline is reported as not executed',
    'cluster/command/command',
    'if ((this.sent || this.mayHaveRun) && !this.row.readonly) {',
    'if (this.row.write && this.deadlineAt < 0) {',
    400,
  ],
  [
    'an earlier attempt is forgotten in the error',
    'cluster/retry/attempt-outcome',
    'if (!mayHaveRun || (error instanceof ClusterError && error.applied !== false)) return error;',
    'if (name !== undefined) return error;',
    400,
  ],
  [
    'deadlines are not kept for calls that wait',
    'cluster/routing/liveness',
    'this.router.retryQueue.expire(now);',
    '',
    400,
  ],
  [
    'a replaced primary that is silent is waited for',
    'cluster/routing/liveness',
    'if (now - since < FAREWELL_MS) return;',
    'if (now >= since) return;',
    400,
  ],
  [
    'a replaced primary that is silent is given no time to answer',
    'cluster/routing/liveness',
    'if (now - since < FAREWELL_MS) return;',
    '',
    400,
  ],
  [
    'calls that were not sent overtake those that are sent again',
    'cluster/connection/node-channel',
    'this.router.retryQueue.keepFollowers(this.pending.takeAll())',
    'this.pending.takeAll()',
    400,
  ],
  [
    'the view of a minority counts',
    'cluster/discovery/topology-reader',
    'votesFor(votes, b) - votesFor(votes, a) ||',
    'votesFor(votes, a) - votesFor(votes, b) ||',
    400,
  ],
  [
    'a gap begins when the loss is noticed',
    'pubsub/links/subscriber-link',
    'return this.heartbeat?.intactUntil ?? this.startedAt;',
    'return unixMs();',
    400,
  ],
];

const fromRow = ([name, file, passage, replacement, schedules]: Row): PlantedFault => ({
  name,
  file: `lib/${file}.ts`,
  passage,
  replacement,
  schedules,
  callers: 'mixed',
});

/** Changes of the client's code, each of which the schedules of `randomMixedSchedule` must notice. */
export const MIXED_FAULTS: readonly PlantedFault[] = ROWS.map(fromRow);
