/** A function of Lua: it returns the list of its results. */
export type LuaFunction = (...args: LuaValue[]) => readonly LuaValue[];

/** A value of Lua. Nil is `undefined`, and text is bytes, one character each. */
export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction;

/** An error that a script can catch with `pcall`. */
export class LuaError extends Error {
  override readonly name = 'LuaError';

  /** @param value what was thrown: text, or a table such as that of an error reply. */
  constructor(readonly value: LuaValue) {
    super(typeof value === 'string' ? value : 'an error of a script');
  }
}

/** Returns the name of a value's type. */
export function luaType(value: LuaValue): string {
  if (value === undefined) return 'nil';
  return typeof value === 'object' ? 'table' : typeof value;
}

/** Whether a condition is met: only nil and false are not. */
export const isTrue = (value: LuaValue): boolean => value !== undefined && value !== false;

/** A table of Lua: a list from 1 on, and other keys. */
export class LuaTable {
  /** The values of the keys 1, 2, … without a gap at the end. */
  readonly list: LuaValue[];
  private readonly map = new Map<LuaValue, LuaValue>();

  /** @param list its first values, which it takes over. */
  constructor(list: LuaValue[] = []) {
    this.list = list;
    this.shrink();
  }

  /** The length, as `#` returns it. */
  get length(): number {
    return this.list.length;
  }

  get(key: LuaValue): LuaValue {
    if (typeof key === 'number' && key > 0 && key <= this.list.length && Number.isInteger(key))
      return this.list[key - 1];
    return this.map.get(key);
  }

  set(key: LuaValue, value: LuaValue): void {
    if (key === undefined) throw new LuaError('table index is nil');
    if (Number.isNaN(key)) throw new LuaError('table index is NaN');
    const place = typeof key === 'number' && Number.isInteger(key) ? key - 1 : -1;
    if (place >= 0 && place < this.list.length) {
      this.list[place] = value;
      if (value === undefined) this.shrink();
    } else if (place === this.list.length && value !== undefined) {
      this.map.delete(key);
      this.list.push(value);
      this.takeFollowers();
    } else if (value === undefined) this.map.delete(key);
    else this.map.set(key, value);
  }

  /** Yields the pairs of keys and values. Values may be removed meanwhile. */
  *pairs(): Generator<LuaValue[]> {
    for (let i = 0; i < this.list.length; i++) if (this.list[i] !== undefined) yield [i + 1, this.list[i]];
    for (const pair of this.map) yield pair;
  }

  /** Returns the pair after a key; undefined after the last. */
  after(key: LuaValue): LuaValue[] | undefined {
    let isNext = key === undefined;
    for (const pair of this.pairs()) {
      if (isNext) return pair;
      isNext = pair[0] === key;
    }
    return undefined;
  }

  private shrink(): void {
    while (this.list.length > 0 && this.list[this.list.length - 1] === undefined) this.list.pop();
  }

  /** Moves keys that now follow the list into it. */
  private takeFollowers(): void {
    if (this.map.size === 0) return;
    for (let key = this.list.length + 1; this.map.has(key); key++) {
      this.list.push(this.map.get(key));
      this.map.delete(key);
    }
  }
}
