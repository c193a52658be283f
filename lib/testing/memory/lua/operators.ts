import { asNumber, asText } from './conversions.js';
import { LuaTable, LuaError, type LuaFunction, type LuaValue, isTrue, luaType } from './lua-value.js';

function operand(value: LuaValue): number {
  const number = asNumber(value);
  if (number === undefined) throw new LuaError(`attempt to perform arithmetic on a ${luaType(value)} value`);
  return number;
}

/** Describes an operator on numbers. Text that is a number counts as one. */
const arithmetic =
  (compute: (left: number, right: number) => number) =>
  (left: LuaValue, right: LuaValue): number =>
    typeof left === 'number' && typeof right === 'number'
      ? compute(left, right)
      : compute(operand(left), operand(right));

/** Describes an order of two numbers or two texts. */
const comparison =
  (compare: (left: number | string, right: number | string) => boolean) =>
  (left: LuaValue, right: LuaValue): boolean => {
    if (typeof left === 'number' && typeof right === 'number') return compare(left, right);
    if (typeof left === 'string' && typeof right === 'string') return compare(left, right);
    const [one, other] = [luaType(left), luaType(right)];
    throw new LuaError(
      one === other ? `attempt to compare two ${one} values` : `attempt to compare ${one} with ${other}`,
    );
  };

function part(value: LuaValue): string {
  const text = asText(value);
  if (text === undefined) throw new LuaError(`attempt to concatenate a ${luaType(value)} value`);
  return text;
}

/** Returns the error of an operation on a value of the wrong type. @param name what the value is called, if it has a name. */
const fault = (operation: string, value: LuaValue, name?: string): LuaError =>
  new LuaError(
    name === undefined
      ? `attempt to ${operation} a ${luaType(value)} value`
      : `attempt to ${operation} ${name} (a ${luaType(value)} value)`,
  );

/** What compiled scripts call for the operators and statements of Lua. */
export interface Operators {
  readonly NONE: readonly LuaValue[];
  isTrue(value: LuaValue): boolean;
  add(left: LuaValue, right: LuaValue): number;
  subtract(left: LuaValue, right: LuaValue): number;
  multiply(left: LuaValue, right: LuaValue): number;
  divide(left: LuaValue, right: LuaValue): number;
  modulo(left: LuaValue, right: LuaValue): number;
  power(left: LuaValue, right: LuaValue): number;
  negate(value: LuaValue): number;
  number(value: LuaValue): number;
  less(left: LuaValue, right: LuaValue): boolean;
  lessOrEqual(left: LuaValue, right: LuaValue): boolean;
  concatenate(left: LuaValue, right: LuaValue): string;
  length(value: LuaValue): number;
  /** @param name what the base is called, for errors. */
  index(base: LuaValue, key: LuaValue, name?: string): LuaValue;
  setIndex(base: LuaValue, key: LuaValue, value: LuaValue, name?: string): void;
  callable(value: LuaValue, name?: string): LuaFunction;
  method(base: LuaValue, name: string, args: readonly LuaValue[]): readonly LuaValue[];
  table(list: LuaValue[], others: readonly LuaValue[]): LuaTable;
  each(values: readonly LuaValue[]): Iterable<readonly LuaValue[]>;
  global(globals: ReadonlyMap<string, LuaValue>, name: string): LuaValue;
  setGlobal(): never;
}

/**
 * Returns the operators.
 *
 * @param methods the functions that text has as methods.
 * @param next the function by which `pairs` walks over a table.
 */
export function createOperators(methods: LuaTable, next: LuaFunction): Operators {
  const index = (base: LuaValue, key: LuaValue, name?: string): LuaValue => {
    if (base instanceof LuaTable) return base.get(key);
    if (typeof base === 'string') return methods.get(key);
    throw fault('index', base, name);
  };
  const callable = (value: LuaValue, name?: string): LuaFunction => {
    if (typeof value === 'function') return value;
    throw fault('call', value, name);
  };
  return {
    NONE: Object.freeze([]),
    isTrue,
    index,
    callable,
    add: arithmetic((left, right) => left + right),
    subtract: arithmetic((left, right) => left - right),
    multiply: arithmetic((left, right) => left * right),
    divide: arithmetic((left, right) => left / right),
    modulo: arithmetic((left, right) => left - Math.floor(left / right) * right),
    power: arithmetic((left, right) => left ** right),
    negate: (value) => -operand(value),
    number: operand,
    less: comparison((left, right) => left < right),
    lessOrEqual: comparison((left, right) => left <= right),
    concatenate: (left, right) => part(left) + part(right),
    length(value) {
      if (typeof value === 'string' || value instanceof LuaTable) return value.length;
      throw new LuaError(`attempt to get length of a ${luaType(value)} value`);
    },
    setIndex(base, key, value, name) {
      if (!(base instanceof LuaTable)) throw fault('index', base, name);
      base.set(key, value);
    },
    method: (base, name, args) => callable(index(base, name), `method '${name}'`)(base, ...args),
    table(list, others) {
      const table = new LuaTable(list);
      for (let i = 0; i < others.length; i += 2) table.set(others[i], others[i + 1]);
      return table;
    },
    each([step, state, control]) {
      return step === next && state instanceof LuaTable
        ? state.pairs()
        : steps(callable(step), state, control);
    },
    global(globals, name) {
      const value = globals.get(name);
      if (value === undefined)
        throw new LuaError(`Script attempted to access nonexistent global variable '${name}'`);
      return value;
    },
    setGlobal() {
      throw new LuaError('Attempt to modify a readonly table');
    },
  };
}

function* steps(step: LuaFunction, state: LuaValue, first: LuaValue): Generator<readonly LuaValue[]> {
  for (let values = step(state, first); values[0] !== undefined; values = step(state, values[0]))
    yield values;
}
