import { errorCount, type Figures } from './figures.js';

/** What must be true at the end of a scenario. */
export interface Goal {
  readonly text: string;
  /** It is about how long something took: only meant for a machine that does nothing else. */
  readonly timed?: boolean;
  holds(figures: Figures): boolean;
}

export const noErrors: Goal = { text: 'no errors', holds: (figures) => errorCount(figures) === 0 };

/** Only what was in flight and cannot be repeated may end in doubt: a call of each caller at most. */
export const onlyInDoubt = (most: number): Goal => ({
  text: `no error but OUTCOME_UNKNOWN, ${most} at most`,
  holds: ({ errors, repeatableErrors }) =>
    Object.keys(errors).every((code) => code === 'OUTCOME_UNKNOWN') &&
    (errors.OUTCOME_UNKNOWN ?? 0) <= most &&
    repeatableErrors === 0,
});
/** Nothing else is wrong than that the server refuses. */
export const onlyErrors = (...codes: readonly string[]): Goal => ({
  text: `no error but ${codes.join(', ')}`,
  holds: ({ errors }) => Object.keys(errors).every((code) => codes.includes(code)),
});
export const repeatablesSucceed: Goal = {
  text: 'reads and idempotent writes succeed',
  holds: ({ repeatableErrors }) => repeatableErrors === 0,
};
export const noneTwice: Goal = {
  text: 'none executed twice',
  holds: ({ verdict, commits }) => verdict.twice === 0 && (commits?.twice ?? 0) === 0,
};
export const noneLost: Goal = {
  text: 'no answered write lost',
  holds: ({ verdict, commits }) => verdict.lost === 0 && (commits?.lost ?? 0) === 0,
};
export const truthful: Goal = {
  text: 'every error truthful',
  holds: ({ verdict }) => verdict.untruthful === 0,
};
export const inOrder: Goal = {
  text: 'order per slot kept',
  holds: ({ verdict }) => verdict.disordered === 0,
};
/** Replies, reads included, are as if calls had been executed one after the other, and so are transactions. */
export const explained: Goal = {
  text: 'history ok',
  holds: ({ history }) => history.unexplained.length === 0,
};
export const commitsSucceed: Goal = {
  text: 'every entity is saved',
  holds: ({ commits }) => commits === undefined || commits.failed.size === 0,
};
/** Rows, indexes and unique constraints agree with each other, and with what each caller was told. */
export const entitiesWhole: Goal = {
  text: 'entities are whole, and as their callers were told',
  holds: ({ hallWorkers }) =>
    hallWorkers === undefined || hallWorkers.faults.length + hallWorkers.wrong.length === 0,
};
/** Unless nodes that both live cannot talk to each other: what one is told, and the other is not, no client can see. */
export const gapsTold: Goal = {
  text: 'no message missing outside a gap',
  holds: ({ messages }) => (messages?.missed ?? 0) === 0,
};
export const noGaps: Goal = {
  text: 'no gap in what subscribers hear',
  holds: ({ messages }) => (messages?.gaps ?? 0) === 0,
};
export const allRecover: Goal = {
  text: 'every shard works again',
  holds: ({ shards, errors }) => shards.every(({ recovered }) => recovered) && errors.HUNG === undefined,
};
export const backWithin = (ms: number): Goal => ({
  text: `back within ${ms} ms of the servers`,
  timed: true,
  holds: ({ shards }) => shards.every(({ lagMs }) => lagMs <= ms),
});
/** Shards that the servers never stopped serving. */
export const healthyUndisturbed: Goal = {
  text: 'healthy shards undisturbed',
  timed: true,
  holds: ({ shards }) =>
    shards.every(({ serverDownMs, clientDownMs }) => serverDownMs > 0 || clientDownMs === 0),
};
export const noneSlowerThan = (ms: number): Goal => ({
  text: `no call slower than ${ms} ms`,
  timed: true,
  holds: ({ shards }) => shards.every(({ worstMs }) => worstMs <= ms),
});
export const atLeast = (name: string, least: number): Goal => ({
  text: `${name}: ${least} at least`,
  holds: ({ more }) => (more[name] ?? 0) >= least,
});
export const atMost = (name: string, most: number, timed = false): Goal => ({
  text: `${name}: ${most} at most`,
  timed,
  holds: ({ more }) => (more[name] ?? Infinity) <= most,
});

/** What holds in every trial, whatever is done to the cluster. */
export const always: readonly Goal[] = [noneTwice, truthful, inOrder, explained, allRecover];
