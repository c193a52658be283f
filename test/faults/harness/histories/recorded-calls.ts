import type { Input, LossWindow, Operation, Plain } from '../../../simulation/checker/history.js';
import type { Model } from '../../../simulation/checker/model.js';
import { COUNTER } from '../../../simulation/checker/models/counter.js';
import { LIST } from '../../../simulation/checker/models/list.js';
import { REGISTER } from '../../../simulation/checker/models/register.js';
import type { Holdings } from '../oracle.js';
import type { Failure } from '../session.js';
import { judgeHistory, type HistoryFigures } from './verdicts.js';

/** A call whose reply is checked: the model of its key, and how its reply reads for it. */
interface CallKind {
  readonly model: Model;
  readonly input: (argument: string) => Input;
  readonly output: (reply: unknown) => Plain;
  /** Clients may send it again after a lost reply. */
  readonly mayRepeat?: boolean;
}

/** The number in a reply that may be that of a transaction, in the form of any client. */
const numberIn = (reply: unknown): number => Number([reply].flat(3).find((part) => typeof part === 'number'));
const increment: CallKind = { model: COUNTER, input: () => ['add', 1], output: numberIn };

const KINDS = {
  get: {
    model: REGISTER,
    input: () => ['read'],
    output: (reply) => (reply === null || reply === undefined ? null : String(reply)),
  },
  set: { model: REGISTER, input: (value) => ['write', value], output: () => 'OK', mayRepeat: true },
  increment,
  append: { model: LIST, input: (element) => ['append', element], output: Number },
} as const satisfies Readonly<Record<string, CallKind>>;

/** Records calls on plain keys with their replies. */
export class RecordedCalls {
  private readonly operations: Operation[] = [];
  private readonly models = new Map<string, Model>();
  private serial = 0;

  constructor(private readonly failureOf: (error: unknown) => Failure) {}

  /** The keys that hold a text. */
  get registers(): string[] {
    return [...this.models].flatMap(([key, model]) => (model === REGISTER ? [key] : []));
  }

  /** Makes a call, and records what came of it. */
  async record<T>(
    kind: keyof typeof KINDS,
    key: string,
    argument: string,
    call: () => Promise<T>,
  ): Promise<T> {
    const { model, input, output, mayRepeat }: CallKind = KINDS[kind];
    this.models.set(key, model);
    const begun = { id: ++this.serial, key, input: input(argument), calledAt: performance.now(), mayRepeat };
    try {
      const reply = await call();
      this.operations.push({ ...begun, returnedAt: performance.now(), output: output(reply) });
      return reply;
    } catch (error) {
      if (this.failureOf(error).applied !== false)
        this.operations.push({ ...begun, returnedAt: Infinity, output: undefined });
      throw error;
    }
  }

  /**
   * Checks the calls, and what the nodes hold at the end.
   *
   * @param lost when servers may have lost writes.
   */
  judge({ values, lists }: Holdings, lost: readonly Omit<LossWindow, 'key'>[]): HistoryFigures {
    const now = performance.now();
    const readings = [...this.models].flatMap(([key, model]): Operation[] => {
      const output = model === LIST ? (lists.get(key) ?? []) : (values.get(key) ?? null);
      return [
        {
          id: ++this.serial,
          key,
          input: ['read'],
          calledAt: now,
          returnedAt: now,
          output: model === COUNTER ? Number(output) : output,
        },
      ];
    });
    const losses = [...this.models.keys()].flatMap((key) => lost.map((window) => ({ key, ...window })));
    return judgeHistory(
      { operations: [...this.operations, ...readings], losses },
      (key) => this.models.get(key) as Model,
    );
  }
}
