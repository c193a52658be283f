import { LuaError } from '../lua/lua-value.js';

/** A pattern of Lua as an expression of JavaScript. */
export interface Pattern {
  /** Matches at its `lastIndex` only. */
  readonly here: RegExp;
  /** Matches from its `lastIndex` on; the same as `here` for a pattern that begins with `^`. */
  readonly anywhere: RegExp;
  readonly isAnchored: boolean;
  /** Which captures are positions, in their order. */
  readonly positions: readonly boolean[];
}

/** The classes of Lua, as members of a class of JavaScript. */
const CLASSES: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  c: '\\x00-\\x1f\\x7f',
  d: '0-9',
  l: 'a-z',
  p: '!-\\/:-@\\[-`{-~',
  s: '\\t-\\r ',
  u: 'A-Z',
  w: '0-9A-Za-z',
  x: '0-9A-Fa-f',
  z: '\\x00',
};

const QUANTIFIERS: Readonly<Record<string, string>> = { '*': '*', '+': '+', '-': '*?', '?': '?' };

const known = new Map<string, Pattern>();

/**
 * Returns a pattern as an expression.
 *
 * @throws LuaError for a malformed pattern, and for `%b`, which no expression can match.
 */
export function patternOf(text: string): Pattern {
  let pattern = known.get(text);
  if (!pattern) known.set(text, (pattern = new PatternReader(text).pattern()));
  return pattern;
}

const literal = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** Returns the members of a class such as `%d`; those of its complement for `%D`. */
function membersOf(letter: string): string {
  const members = CLASSES[letter.toLowerCase()];
  if (members === undefined) return literal(letter);
  return letter === letter.toLowerCase() ? members : complementOf(members);
}

/** Returns the members of a class that are not in another one. Text is bytes, so that there are 256. */
function complementOf(members: string): string {
  const inside = new RegExp(`[${members}]`);
  const outside = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  return outside
    .filter((char) => !inside.test(char))
    .map(literal)
    .join('');
}

class PatternReader {
  private at = 0;
  private source = '';
  private readonly positions: boolean[] = [];
  private readonly open: string[] = [];

  constructor(private readonly text: string) {}

  pattern(): Pattern {
    const isAnchored = this.text.startsWith('^');
    if (isAnchored) this.at++;
    while (this.at < this.text.length) this.readItem();
    if (this.open.length > 0) throw new LuaError('unfinished capture');
    return {
      here: new RegExp(this.source, 'sy'),
      anywhere: new RegExp(this.source, isAnchored ? 'sy' : 'sg'),
      isAnchored,
      positions: this.positions,
    };
  }

  private readItem(): void {
    const char = this.text[this.at];
    if (char === '(') this.openCapture();
    else if (char === ')') {
      if (this.open.pop() === undefined) throw new LuaError('invalid pattern capture');
      this.source += ')';
      this.at++;
    } else if (char === '$' && this.at === this.text.length - 1) {
      this.source += '$';
      this.at++;
    } else if (char === '%' && /[bf1-9]/.test(this.text[this.at + 1] ?? '')) this.readSpecial();
    else this.source += this.readSingle() + this.readQuantifier();
  }

  private openCapture(): void {
    const isPosition = this.text[this.at + 1] === ')';
    this.positions.push(isPosition);
    this.source += isPosition ? '()' : '(';
    if (!isPosition) this.open.push('(');
    this.at += isPosition ? 2 : 1;
  }

  private readSpecial(): void {
    const kind = this.text[this.at + 1];
    if (kind === 'b') throw new LuaError('the store in memory has no pattern %b');
    this.at += 2;
    if (kind !== 'f') {
      this.source += `\\${kind}`;
      return;
    }
    const set = this.readSingle();
    // the beginning and the end count as a zero byte
    const hasZero = new RegExp(`^${set}$`, 's').test('\0');
    this.source += `(?<!${set})${hasZero ? `(?:(?=${set})|$)` : `(?=${set})`}`;
  }

  /** Reads what matches one character. */
  private readSingle(): string {
    const char = this.text[this.at++];
    if (char === '.') return '.';
    if (char === '[') return this.readSet();
    if (char !== '%') return literal(char);
    return `[${membersOf(this.escaped())}]`;
  }

  private readSet(): string {
    const isNegated = this.text[this.at] === '^';
    if (isNegated) this.at++;
    let members = '';
    for (let isFirst = true; isFirst || this.text[this.at] !== ']'; isFirst = false) {
      if (this.at >= this.text.length) throw new LuaError("malformed pattern (missing ']')");
      members += this.readMember();
    }
    this.at++;
    if (members === '') return isNegated ? '[^]' : '[]';
    return `[${isNegated ? '^' : ''}${members}]`;
  }

  private readMember(): string {
    const char = this.text[this.at++];
    if (char === '%') return membersOf(this.escaped());
    const [dash, last] = [this.text[this.at], this.text[this.at + 1]];
    if (dash !== '-' || last === undefined || last === ']') return literal(char);
    this.at += 2;
    return char <= last ? `${literal(char)}-${literal(last)}` : '';
  }

  private escaped(): string {
    if (this.at >= this.text.length) throw new LuaError("malformed pattern (ends with '%')");
    return this.text[this.at++];
  }

  private readQuantifier(): string {
    const quantifier = QUANTIFIERS[this.text[this.at]];
    if (quantifier === undefined) return '';
    this.at++;
    return quantifier;
  }
}

/** A place where a pattern matches. */
export interface PatternMatch {
  readonly start: number;
  readonly end: number;
  /** The captures; the whole match if the pattern has none. */
  readonly captures: readonly (string | number)[];
}

/** Returns the match of an expression from a place on. */
export function matchFrom(
  expression: RegExp,
  positions: readonly boolean[],
  text: string,
  from: number,
): PatternMatch | undefined {
  // a position is the length of what precedes it, which only indices show
  const indexed = positions.includes(true) ? withIndices(expression) : expression;
  indexed.lastIndex = from;
  const found = indexed.exec(text);
  if (!found) return undefined;
  const captures = positions.map((isPosition, i) =>
    isPosition ? (found.indices?.[i + 1]?.[0] ?? 0) + 1 : found[i + 1],
  );
  return {
    start: found.index,
    end: found.index + found[0].length,
    captures: captures.length > 0 ? captures : [found[0]],
  };
}

const withIndices = (expression: RegExp): RegExp => new RegExp(expression, `${expression.flags}d`);
