/** What became of an operation: `in doubt` where it may have been done or not. */
export type Fate = 'done' | 'refused' | 'in doubt';

/** Codes by which an operation may say that it was refused, each for a reason that the test knows to be real. */
export type Refusal = 'VERSION_CONFLICT' | 'UNIQUE_VIOLATION' | 'TRANSACTION_CONFLICT';

/** What an operation may end in besides success. */
export interface Contract {
  readonly refusals?: readonly Refusal[];
  /** Whether it can be sent again unnoticed; where it cannot, a lost reply leaves it in doubt. */
  readonly isRecognised: boolean;
}

/** Counts what operations ended in, and keeps what they should not have ended in. */
export class Tallies {
  readonly counts = new Map<string, number>();
  readonly wrong: string[] = [];

  /** @param refusedByServers codes by which servers refuse any operation meanwhile, without having applied it */
  constructor(readonly refusedByServers: ReadonlySet<string> = new Set()) {}

  /** Runs an operation, and holds what it ends in against the contract. */
  async run(name: string, contract: Contract, operation: () => Promise<unknown>): Promise<Fate> {
    try {
      await operation();
      this.count(name, 'done');
      return 'done';
    } catch (error) {
      const { code = '', message, applied } = error as Error & { code?: string; applied?: unknown };
      this.count(name, code || 'failed');
      // Written, and not confirmed by a replica: a failover may lose it.
      if (code === 'DURABILITY_NOT_REACHED') return 'in doubt';
      // A row remembers its last five writes, and says so where it may have forgotten the one that is sent again.
      const isForgotten =
        code === 'OUTCOME_UNKNOWN' && message.includes('the row no longer shows whether it was applied');
      if (isForgotten || (code === 'OUTCOME_UNKNOWN' && !contract.isRecognised)) return 'in doubt';
      if (contract.refusals?.includes(code as Refusal)) return 'refused';
      if (this.refusedByServers.has(code) && applied === false) return 'refused';
      this.wrong.push(`${name}: ${code} ${message}`);
      return 'in doubt';
    }
  }

  expect(what: string, actual: unknown, expected: unknown): void {
    const [is, due] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== due) this.wrong.push(`${what}: ${is} instead of ${due}`);
  }

  private count(name: string, outcome: string): void {
    const key = `${name} ${outcome}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One line an operation: what it ended in, and how often. */
  get table(): string {
    const lines = new Map<string, string[]>();
    for (const [key, count] of [...this.counts].toSorted()) {
      const [name, outcome] = key.split(' ');
      lines.set(name, [...(lines.get(name) ?? []), `${outcome} ${count}`]);
    }
    return [...lines].map(([name, outcomes]) => `${name.padEnd(12)} ${outcomes.join(', ')}`).join('\n');
  }
}
