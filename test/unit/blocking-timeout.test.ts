import { blockingMs, withTimeLeft } from '../../lib/cluster/command-table/blocking-timeout.js';

it.each([
  ['blpop', ['a', 'b', 5], 2_000, ['a', 'b', '3']],
  ['blpop', ['a', 0], 2_000, ['a', 0]],
  ['blpop', ['a', '1.5'], 9_000, ['a', '0.001']],
  ['blmove', ['a', 'b', 'LEFT', 'RIGHT', 5], 4_500, ['a', 'b', 'LEFT', 'RIGHT', '0.5']],
  ['blmpop', [5, 1, 'a', 'LEFT'], 1_000, ['4', 1, 'a', 'LEFT']],
  [
    'xread',
    ['COUNT', 1, 'block', 500, 'STREAMS', 'block', '$'],
    200,
    ['COUNT', 1, 'block', '300', 'STREAMS', 'block', '$'],
  ],
  [
    'xreadgroup',
    ['GROUP', 'block', '7', 'BLOCK', 50, 'STREAMS', 's', '>'],
    60,
    ['GROUP', 'block', '7', 'BLOCK', '1', 'STREAMS', 's', '>'],
  ],
  ['module.wait', ['a', 5], 2_000, ['a', 5]],
])('%s %j that has waited %d ms waits for the rest of its timeout', (name, args, waitedMs, expected) => {
  expect(withTimeLeft(name, args, waitedMs)).toEqual(expected);
});

it.each([
  ['blpop', ['a', 'b', '1.5'], 1_500],
  ['blpop', ['a', 0], Infinity],
  ['bzmpop', [2, 1, 'a', 'MIN'], 2_000],
  ['xread', ['BLOCK', 500, 'STREAMS', 's', '$'], 500],
  ['xread', ['BLOCK', 0, 'STREAMS', 's', '$'], Infinity],
  ['module.wait', ['a', 5], Infinity],
])('%s %j may block for %d ms', (name, args, expected) => {
  expect(blockingMs(name, args)).toBe(expected);
});
