import { ClusterClient } from '../../../lib/client/cluster-client.js';
import { ClusterError } from '../../../lib/cluster/common/errors.js';
import { Script } from '../../../lib/cluster/scripts/script.js';
import type { Input, Operation, Plain } from '../checker/history.js';
import type { World } from '../servers/world.js';
import type { Expectations } from './expectations.js';
import { kindOf, REPLACE_SCRIPT, type Words } from './key-kinds.js';
import type { Calls } from './schedule.js';

/** The deadline of all calls, and how much later than it a call may end, in ms. */
export const DEADLINE_MS = 2_000;
const LATENESS_MS = 200;
/** How long a call may take while nothing is wrong, in ms. */
const CALM_MS = 500;

/** The errors that calls may end with while servers fail. */
const EXPECTED: ReadonlySet<string> = new Set(['DEADLINE_EXCEEDED', 'OUTCOME_UNKNOWN']);
/** How many replicas must have a durable write, and for how long it waits for them. */
const DURABILITY = { replicas: 1, timeoutMs: 250 };
/** The error of a durable write that was executed. */
const NOT_DURABLE = 'DURABILITY_NOT_REACHED';

/** Those for which a right was missing. */
const FORBIDDEN: ReadonlySet<string> = new Set(['NOPERM', 'EXECABORT']);

const REPLACE = new Script(REPLACE_SCRIPT);

type Outcome = { readonly reply: unknown } | { readonly error: unknown };

interface Pending {
  readonly key: string;
  readonly input: Input;
  readonly calledAt: number;
  readonly after: number | undefined;
  /** It reads, and nothing else belongs to it. */
  readonly isPlainRead: boolean;
  /** It has several keys, or ends with a call that does. */
  readonly hasSeveralKeys: boolean;
  /** How long it may wait on purpose, in ms. */
  readonly waitMs: number;
}

/** Makes calls of clients, and records what came of them. */
export class Caller {
  readonly operations: Operation[] = [];
  /** What a caller must never see, one line each. */
  readonly faults: string[] = [];
  /** The durable writes that a replica has confirmed: their keys and values. */
  readonly confirmed: (readonly [key: string, value: Plain])[] = [];
  private readonly pending = new Map<number, Pending>();
  /** The last call of each client on each key. */
  private readonly last = new Map<string, number>();
  private serial = 0;

  constructor(
    private readonly clients: readonly ClusterClient[],
    private readonly world: World,
    private readonly mayRepeat: boolean,
    private readonly expectations: Expectations,
  ) {}

  /** How many calls have not ended. */
  get open(): number {
    return this.pending.size;
  }

  /** Makes calls. */
  make({ client: place, form, calls }: Calls): void {
    const client = this.clients[place];
    const isPair = (key: string): boolean => key.startsWith('p');
    const hasPair = form !== 'each' && calls.some(([key]) => isPair(key));
    const begun = calls.map(([key, ...input]) => {
      // a script that its server does not know is sent again behind the calls that follow it
      const keepsOrder = (form !== 'each' || key[0] !== 'x') && !isLeased(key, input);
      const thread = `${place} ${key}`;
      const id = this.begin(
        key,
        input,
        keepsOrder ? this.last.get(thread) : undefined,
        form !== 'multi' && (input[0] === 'read' || input[0] === 'wait'),
        hasPair || isPair(key),
      );
      if (keepsOrder) this.last.set(thread, id);
      return id;
    });
    const words = calls.map(([key, ...input]) => kindOf(key).words(key, input));
    if (form === 'each') {
      for (const [at, id] of begun.entries())
        this.follow(
          [id],
          single(client, calls[at], words[at]).then((reply) => [reply]),
        );
    } else {
      const batch = form === 'pipeline' ? client.pipeline(words) : client.multi(words);
      this.follow(
        begun,
        batch.exec().then((results) => results.map(([error, reply]) => (error ? { error } : { reply }))),
      );
    }
  }

  /** Records a state that was read without a client. */
  recordState(key: string, reply: unknown): void {
    const input: Input = ['read'];
    const at = this.world.time.now;
    this.operations.push({
      id: ++this.serial,
      key,
      input,
      calledAt: at,
      returnedAt: at,
      output: kindOf(key).output(input, reply),
    });
  }

  /** Reports the calls that have not ended. */
  reportOpen(): void {
    for (const { key, input, calledAt } of this.pending.values())
      this.faults.push(`${input[0]} ${key} of ${calledAt} ms never ended`);
  }

  private begin(
    key: string,
    input: Input,
    after: number | undefined,
    isPlainRead: boolean,
    hasSeveralKeys: boolean,
  ): number {
    const id = ++this.serial;
    const calledAt = this.world.time.now;
    const waitMs = waitMsOf(key, input);
    this.pending.set(id, { key, input, calledAt, after, isPlainRead, hasSeveralKeys, waitMs });
    return id;
  }

  private follow(ids: readonly number[], outcomes: Promise<readonly Outcome[]>): void {
    outcomes.then(
      (all) => ids.forEach((id, at) => this.end(id, all[at])),
      (error: unknown) => ids.forEach((id) => this.end(id, { error })),
    );
  }

  private end(id: number, outcome: Outcome): void {
    const pending = this.pending.get(id) as Pending;
    const { key, input, calledAt, after, isPlainRead, hasSeveralKeys, waitMs } = pending;
    const isDurable = isLeased(key, input) && kindOf(key).isDurable === true;
    this.pending.delete(id);
    const { now } = this.world.time;
    const operation = { id, key, input, calledAt, after, mayRepeat: this.mayRepeat && input[0] === 'write' };
    this.world.trace(`call ${id}`, `${input.join(' ')} ${key}`, textOf(outcome));
    if (now - calledAt > DEADLINE_MS + LATENESS_MS + waitMs)
      this.faults.push(`${input[0]} ${key} of ${calledAt} ms took ${Math.round(now - calledAt)} ms`);
    if (
      this.expectations.isCalm(calledAt, now, hasSeveralKeys) &&
      ('error' in outcome || now - calledAt > CALM_MS + waitMs)
    )
      this.faults.push(
        `${input[0]} ${key} of ${calledAt} ms, when nothing was wrong, ended after ${Math.round(now - calledAt)} ms: ${textOf(outcome)}`,
      );
    if ('reply' in outcome && outcome.reply === null && waitMs > 0) {
      // nothing was there when its time was over, at the node where it waited
      if (now - calledAt < waitMs - 1)
        this.faults.push(`${input[0]} ${key} of ${calledAt} ms waited for ${now - calledAt} ms only`);
      return;
    }
    if ('reply' in outcome) {
      if (isDurable) this.confirmed.push([key, input[1]]);
      this.operations.push({
        ...operation,
        returnedAt: now,
        output: kindOf(key).output(input, outcome.reply),
      });
      return;
    }
    const { error } = outcome;
    if (isDurable && (error as Partial<ClusterError>).code === NOT_DURABLE) {
      this.operations.push({ ...operation, returnedAt: now, output: 'OK' });
      return;
    }
    const isExpected =
      error instanceof ClusterError &&
      (EXPECTED.has(error.code) ||
        (FORBIDDEN.has(error.code) && this.expectations.mayBeForbidden(calledAt, now)));
    const isStranded = waitMs > 0 && this.expectations.mayBeStranded(calledAt, now);
    const mustSucceed = this.expectations.mustSucceed(isPlainRead) && !isStranded;
    if (!isExpected || (!hasSeveralKeys && !isDurable && mustSucceed))
      this.faults.push(`${input[0]} ${key} of ${calledAt} ms failed: ${String(error)}`);
    // a call that says that it was not executed must have left no trace
    if (!(error instanceof ClusterError) || error.applied !== false)
      this.operations.push({ ...operation, returnedAt: Infinity, output: undefined });
  }
}

const waitMsOf = (key: string, input: Input): number => {
  const { waitMs, isDurable } = kindOf(key);
  if (isDurable === true) return input[0] === 'write' ? DURABILITY.timeoutMs : 0;
  return waitMs?.(input) ?? 0;
};

/** Whether a call runs on a connection of its own, and so has no order to keep. */
const isLeased = (key: string, input: Input): boolean => waitMsOf(key, input) > 0;

function single(
  client: ClusterClient,
  [key, ...input]: Calls['calls'][number],
  [name, ...args]: Words,
): Promise<Outcome> {
  const call =
    input[0] === 'replace'
      ? client.runScript(
          REPLACE,
          [key],
          input.slice(1).map((word) => String(word ?? '')),
        )
      : isLeased(key, input) && kindOf(key).isDurable === true
        ? client.with({ durability: DURABILITY }).call(name, ...args)
        : client.call(name, ...args);
  return call.then(
    (reply: unknown) => ({ reply }),
    (error: unknown) => ({ error }),
  );
}

const textOf = (outcome: Outcome): string =>
  'reply' in outcome ? JSON.stringify(outcome.reply) : String((outcome.error as Partial<ClusterError>).code);
