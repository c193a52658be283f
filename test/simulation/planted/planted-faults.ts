/** A change of the client's code that breaks a promise. */
export interface PlantedFault {
  readonly name: string;
  readonly file: string;
  /** What is replaced; it is in the file once. */
  readonly passage: string;
  readonly replacement: string;
  /** Within how many schedules, from seed 1 on, the simulation must notice it. */
  readonly schedules: number;
  /** What the schedules call. */
  readonly callers?: 'commands' | 'mixed' | 'entities';
}

type Row = readonly [name: string, file: string, passage: string, replacement: string, schedules: number];

const ROWS: readonly Row[] = [
  [
    'a redirected call overtakes earlier ones that wait',
    'routing/router',
    'for (const one of this.retryQueue.keepFollowers([command])) ',
    'for (const one of [command]) ',
    200,
  ],
  [
    'later calls are not kept behind those that wait',
    'waiting/retry-queue',
    'queue?.blocked === true && ',
    'false && ',
    200,
  ],
  [
    'waiting calls are released behind later ones',
    'waiting/slot-queue',
    'one.order - other.order',
    'one.attempts - other.attempts',
    400,
  ],
  [
    'the order is given up when a slot moves',
    'routing/slot-handover',
    'this.retryQueue.blockSlots(slots);',
    '',
    400,
  ],
  [
    'the reply to ASKING is taken for that of the call',
    'connection/connection',
    'this.queue.push(ASKING);',
    '',
    200,
  ],
  [
    'replies are exchanged once in a while',
    'connection/connection',
    'const command = this.queue.shift();',
    'const command = this.queue.length === 3 ? [...this.queue][1] : this.queue.shift();',
    50,
  ],
  [
    'INCRBY is sent again after a lost reply',
    'command-table/idempotent-commands',
    "['setex', true],",
    "['setex', true], ['incrby', true],",
    200,
  ],
  [
    'scripts are sent again after a lost reply',
    'command-table/idempotent-commands',
    "['setex', true],",
    "['setex', true], ['evalsha', true], ['eval', true],",
    800,
  ],
  [
    'SADD is sent again after a lost reply',
    'command-table/idempotent-commands',
    "['setex', true],",
    "['setex', true], ['sadd', true], ['srem', true],",
    400,
  ],
  [
    'all calls are sent again after a lost reply',
    'retry/attempt-outcome',
    'safe: ({ idempotent }) => idempotent,',
    'safe: () => true,',
    200,
  ],
  [
    'writes are sent again although only reads may be',
    'retry/attempt-outcome',
    'reads: ({ reads }) => reads,',
    'reads: ({ idempotent }) => idempotent,',
    2_000,
  ],
  [
    'a lost reply is reported as not executed',
    'routing/router',
    "new OutcomeUnknownError(command.name, 'its connection was lost before the reply', { cause: error }),",
    'error,',
    50,
  ],
  [
    'calls in flight are forgotten when their connection ends',
    'connection/connection',
    '[...new Set(this.queue)]',
    '[]',
    50,
  ],
  ['deadlines are not kept for calls in flight', 'routing/liveness', 'channel.expire(now);', '', 400],
  [
    'CLUSTERDOWN reaches callers',
    'common/refusals',
    "['CLUSTERDOWN', { remedy: 'wait', refresh: true, unfit: false }],",
    '',
    50,
  ],
  [
    'LOADING reaches callers',
    'common/refusals',
    "['LOADING', { remedy: 'wait', refresh: false, unfit: true }],",
    '',
    50,
  ],
  [
    'READONLY reaches callers',
    'common/refusals',
    "['READONLY', { remedy: 'wait', refresh: true, unfit: false }],",
    '',
    400,
  ],
  [
    'a script that a server does not know is not sent with its text',
    'routing/router',
    "if (reply.code === 'NOSCRIPT' && this.resendWithText(command, reply, from)) return;",
    '',
    50,
  ],
  [
    'a transaction that was refused fails',
    'batch/transaction-block',
    'if (refusal !== undefined && isTransient(refusal)) from.router.refused(this, refusal, from);\n    else ',
    '',
    50,
  ],
  [
    'the first error of a transaction is forgotten',
    'batch/transaction-block',
    'this.firstError ??= reply;',
    '',
    50,
  ],
  [
    'a transaction counts one reply too few',
    'batch/transaction-block',
    'return this.entries.length + 2;',
    'return this.entries.length + 1;',
    50,
  ],
  [
    'the entries of a group are forgotten when its connection ends',
    'batch/command-group',
    'this.endWith((command) => command.lost(error, from));',
    'this.endWith(() => this.repeatable && error === undefined && from);',
    50,
  ],
  [
    'a line that is cut within its end is read wrongly',
    'protocol/partial-line',
    'if (this.bytes[this.length - 1] === CR) return 1;',
    '',
    2_000,
  ],
  [
    'a string that is cut loses its last piece',
    'protocol/partial-bulk',
    'this.filled += taken;',
    'this.filled += taken + (taken === 1 ? 1 : 0);',
    2_000,
  ],
];

const fromRow = ([name, file, passage, replacement, schedules]: Row): PlantedFault => ({
  name,
  file: `lib/cluster/${file}.ts`,
  passage,
  replacement,
  schedules,
});

/** Changes of the client's code, each of which the simulation must notice. */
export const PLANTED_FAULTS: readonly PlantedFault[] = ROWS.map(fromRow);
