import { runInNewContext } from 'node:vm';
import { toJsonText, unfitForJson } from '../../lib/cluster/common/json-text.js';

class Point {
  constructor(
    readonly x: number,
    readonly y?: number,
  ) {}
}

it.each([
  [null],
  ['text'],
  [{ a: [1, null, 'x'], b: undefined }],
  [new Date(5)],
  [new Point(1)],
  [Object.assign(Object.create(null), { a: 1 })],
  [Buffer.from('a')],
  [{ toJSON: () => 'mine' }],
  [runInNewContext('({ a: [1] })')],
])('%p is written as JSON.stringify writes it', (value) => {
  expect(toJsonText(value)).toBe(JSON.stringify(value));
});

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
let deep: unknown[] = [];
for (let i = 0; i < 100_000; i++) deep = [deep];

it.each<[string, unknown]>([
  ['a promise', Promise.resolve(1)],
  [
    'what can be awaited',
    {
      a: new (class Query {
        then(): void {}
      })(),
    },
  ],
  ['a Map', new Map([[1, 2]])],
  ['a Set', [new Set([1])]],
  ['a Map of another realm', runInNewContext('new Map([[1, 2]])')],
  ['NaN', { a: NaN }],
  ['Infinity', [Infinity]],
  ['an invalid Date', { a: new Date(NaN) }],
  ['a function', { a: () => 1 }],
  ['a symbol', { a: Symbol('s') }],
  ['undefined in a list', [undefined]],
  ['a hole in a list', Array(1)],
  ['a regular expression', /a/],
  ['an error', new Error('x')],
  ['numbers as bytes', new Float32Array([1])],
  ['a bigint', 1n],
  ['a cycle', cycle],
  ['undefined', undefined],
  ['what is nested too deeply', deep],
])('%s is rejected', (_name, value) => {
  expect(toJsonText(value)).toBeUndefined();
});

it.each<[string, unknown]>([
  ['a bigint', { a: [{ b: 1n }] }],
  ['a function', { a: () => 1 }],
  ['a symbol', [Symbol('a')]],
  ['NaN', { a: Number.NaN }],
  ['-Infinity', [-Infinity]],
  ['undefined in a list', { a: [1, undefined] }],
  ['a reference to itself', cycle],
  ['a promise, for want of an await', { a: Promise.resolve(1) }],
  ['an invalid Date', { a: new Date(Number.NaN) }],
  ['an object such as a Map, a Buffer or an Error', { a: new Map() }],
])('%s is named as what JSON cannot represent', (kind, value) => {
  expect(toJsonText(value)).toBeUndefined();
  expect(unfitForJson(value)).toBe(kind);
});

it.each<[string, unknown]>([
  ['a value that JSON can represent', { a: [1, null, { toJSON: () => 'mine' }], b: undefined }],
  ['what is too deep', deep],
  [
    'a getter that throws',
    {
      get a(): never {
        throw new Error('planted');
      },
    },
  ],
])('nothing is named in %s', (_what, value) => {
  expect(unfitForJson(value)).toBeUndefined();
});
