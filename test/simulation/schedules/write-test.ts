import type { Input } from '../checker/history.js';
import type { Course } from './run-schedule.js';
import type { Schedule } from './schedule.js';

/** Returns a schedule that failed as an entry for `failed-once.ts`, with what was wrong. */
export function writeTest(schedule: Schedule, { faults, history }: Course): string {
  const keys = history.operations.map(
    ({ id, key, input, calledAt, returnedAt, output }) =>
      `//   ${id} ${textOf(input)} ${key} at ${calledAt.toFixed(1)}: ${output === undefined ? 'unknown' : `${JSON.stringify(output)} at ${returnedAt.toFixed(1)}`}`,
  );
  return [
    `// seed ${schedule.seed}:`,
    ...faults.map((fault) => `//   ${fault}`),
    '// calls:',
    ...keys,
    `['seed ${schedule.seed}', ${JSON.stringify(schedule)}],`,
  ].join('\n');
}

const textOf = (input: Input): string =>
  input.map((part) => (typeof part === 'object' ? JSON.stringify(part) : part)).join(' ');
