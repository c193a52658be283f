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
];

const UNNOTICED_ROWS: readonly Row[] = [
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

/** Changes that these schedules have not noticed yet; see `UNNOTICED_FAULTS`. */
export const UNNOTICED_MIXED_FAULTS: readonly PlantedFault[] = UNNOTICED_ROWS.map(fromRow);
