import type { Failure } from './session.js';

/** One increment of a key that nobody else increments. */
export interface Attempt {
  readonly key: string;
  /** Undefined where it was answered; `pending` where the caller still waits. */
  failure: Failure | undefined;
}

/** A counter that many callers increment. */
export interface SharedCount {
  answered: number;
  unknown: number;
}

/** A list to which one caller appends growing numbers, several of them under way at a time. */
export interface Sequence {
  readonly answered: Set<number>;
}

/** What the keys hold, as read past the client. */
export interface Holdings {
  readonly values: ReadonlyMap<string, string | null>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

/** Where what is stored does not fit what the callers were told. */
export interface Verdict {
  /** Answered, and not there. */
  lost: number;
  /** Executed more often than called. */
  twice: number;
  /** Said not to be executed, and executed. */
  untruthful: number;
  /** Numbers of one caller that are stored after a later one. */
  disordered: number;
  /** Keys of some of these. */
  readonly examples: string[];
}

const FEW = 5;

/** Everything the callers were told, to be compared with what is stored. */
export class Oracle {
  readonly attempts: Attempt[] = [];
  readonly shared = new Map<string, SharedCount>();
  readonly sequences = new Map<string, Sequence>();

  /** The keys whose values are to be read. */
  get counters(): string[] {
    return [...this.attempts.map(({ key }) => key), ...this.shared.keys()];
  }

  judge({ values, lists }: Holdings): Verdict {
    const verdict: Verdict = { lost: 0, twice: 0, untruthful: 0, disordered: 0, examples: [] };
    const blame = (
      kind: 'lost' | 'twice' | 'untruthful' | 'disordered',
      count: number,
      key: string,
    ): void => {
      if (count <= 0) return;
      verdict[kind] += count;
      if (verdict.examples.length < FEW) verdict.examples.push(`${kind}: ${key}`);
    };
    for (const { key, failure } of this.attempts) {
      const value = Number(values.get(key) ?? 0);
      if (failure === undefined) blame('lost', 1 - value, key);
      blame('twice', value - 1, key);
      if (failure?.applied === false) blame('untruthful', Math.min(value, 1), key);
    }
    for (const [key, { answered, unknown }] of this.shared) {
      const value = Number(values.get(key) ?? 0);
      blame('lost', answered - value, key);
      blame('twice', value - answered - unknown, key);
    }
    for (const [key, { answered }] of this.sequences) {
      const stored = (lists.get(key) ?? []).map(Number);
      const distinct = new Set(stored);
      blame('twice', stored.length - distinct.size, key);
      blame('lost', [...answered].filter((number) => !distinct.has(number)).length, key);
      const firsts = [...distinct];
      blame('disordered', firsts.filter((number, i) => i > 0 && number < firsts[i - 1]).length, key);
    }
    return verdict;
  }
}
