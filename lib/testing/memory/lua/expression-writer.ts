import type {
  BinaryExpression,
  CallExpression,
  Expression,
  FunctionDeclaration,
  LogicalExpression,
  StringCallExpression,
  TableCallExpression,
  TableConstructorExpression,
} from 'luaparse';
import type { Scope } from './scope.js';
import { LuaError } from './lua-value.js';

type Call = CallExpression | StringCallExpression | TableCallExpression;

/** The operators that are functions of the run time, by their signs in Lua. */
const OPERATORS: Readonly<Record<string, string>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'modulo',
  '^': 'power',
  '..': 'concatenate',
  '<': 'less',
  '<=': 'lessOrEqual',
};

/** The same with their sides changed. */
const MIRRORED: Readonly<Record<string, string>> = { '>': 'less', '>=': 'lessOrEqual' };

/** Writes the expressions of a script in JavaScript. */
export abstract class ExpressionWriter {
  /** Variables of the present function that hold intermediate results. */
  protected temporaries: string[] = [];
  private serial = 0;

  /** @param source the text of the script, which shows what stands in parentheses. */
  constructor(protected readonly source: string) {}

  /** Writes a function. */
  protected abstract functionOf(declaration: FunctionDeclaration, scope: Scope): string;

  /** Returns a name that no other variable has. */
  protected readonly unique = (name: string): string => `${name}_${++this.serial}`;

  /** Writes an expression of one value. */
  protected one(expression: Expression, scope: Scope): string {
    switch (expression.type) {
      case 'NilLiteral':
        return 'undefined';
      case 'BooleanLiteral':
      case 'NumericLiteral':
        return String(expression.value);
      case 'StringLiteral':
        return JSON.stringify(expression.value);
      case 'VarargLiteral':
        return 'varargs[0]';
      case 'Identifier':
        return scope.find(expression.name) ?? `ops.global(globals, ${JSON.stringify(expression.name)})`;
      case 'MemberExpression': {
        const key = JSON.stringify(expression.identifier.name);
        return `ops.index(${this.one(expression.base, scope)}, ${key}${nameArgument(expression.base, scope)})`;
      }
      case 'IndexExpression':
        return `ops.index(${this.one(expression.base, scope)}, ${this.one(expression.index, scope)}${nameArgument(expression.base, scope)})`;
      case 'FunctionDeclaration':
        return this.functionOf(expression, scope);
      case 'TableConstructorExpression':
        return this.table(expression, scope);
      case 'UnaryExpression': {
        const value = this.one(expression.argument, scope);
        if (expression.operator === 'not') return `!ops.isTrue(${value})`;
        return `ops.${expression.operator === '#' ? 'length' : 'negate'}(${value})`;
      }
      case 'BinaryExpression':
        return this.binary(expression, scope);
      case 'LogicalExpression':
        return this.logical(expression, scope);
      default:
        return `${this.call(expression, scope)}[0]`;
    }
  }

  /** Writes a condition. */
  protected condition(expression: Expression, scope: Scope): string {
    return `ops.isTrue(${this.one(expression, scope)})`;
  }

  /** Writes a list of expressions as an array. The last one may have any number of values. */
  protected values(expressions: readonly Expression[], scope: Scope): string {
    const [only] = expressions;
    if (expressions.length === 1 && this.hasMany(only, false)) return this.many(only, scope);
    return `[${this.list(expressions, scope, false)}]`;
  }

  /** Writes a call, which returns an array. */
  protected call(call: Call, scope: Scope): string {
    const args = argumentsOf(call);
    const given = this.list(args, scope, call.type === 'CallExpression');
    const { base } = call;
    if (base.type === 'MemberExpression' && base.indexer === ':')
      return `ops.method(${this.one(base.base, scope)}, ${JSON.stringify(base.identifier.name)}, [${given}])`;
    return `ops.callable(${this.one(base, scope)}${nameArgument(base, scope)})(${given})`;
  }

  /** @param areArguments whether the parentheses of a call surround the list. */
  private list(expressions: readonly Expression[], scope: Scope, areArguments: boolean): string {
    return expressions
      .map((expression, i) => {
        const isLast = i === expressions.length - 1;
        return isLast && this.hasMany(expression, areArguments && i === 0)
          ? `...${this.many(expression, scope)}`
          : this.one(expression, scope);
      })
      .join(', ');
  }

  /** Whether an expression at the end of a list gives all its values: not if it stands in parentheses of its own. */
  private hasMany(expression: Expression, isInCall: boolean): boolean {
    if (expression.type !== 'VarargLiteral' && !isCall(expression)) return false;
    const { range } = expression as Expression & { range: [number, number] };
    const before = this.source.slice(0, range[0]).trimEnd();
    return isInCall ? !/\(\s*\($/.test(before) : !before.endsWith('(');
  }

  private many(expression: Expression, scope: Scope): string {
    return isCall(expression) ? this.call(expression, scope) : 'varargs';
  }

  private table({ fields }: TableConstructorExpression, scope: Scope): string {
    const list = fields.flatMap((field) => (field.type === 'TableValue' ? [field.value] : []));
    const others = fields.flatMap((field) => {
      if (field.type === 'TableValue') return [];
      const key = field.type === 'TableKey' ? this.one(field.key, scope) : JSON.stringify(field.key.name);
      return [key, this.one(field.value, scope)];
    });
    // only a value at the very end of the fields gives all its values
    const endsInList = fields.at(-1)?.type === 'TableValue';
    const values = endsInList
      ? this.list(list, scope, false)
      : list.map((value) => this.one(value, scope)).join(', ');
    return `ops.table([${values}], [${others.join(', ')}])`;
  }

  private binary({ operator, left, right }: BinaryExpression, scope: Scope): string {
    const [one, other] = [this.one(left, scope), this.one(right, scope)];
    if (operator === '==') return `(${one} === ${other})`;
    if (operator === '~=') return `(${one} !== ${other})`;
    const mirrored = MIRRORED[operator];
    if (mirrored) return `ops.${mirrored}(${other}, ${one})`;
    const name = OPERATORS[operator];
    if (!name) throw new LuaError(`Lua 5.1 has no operator ${operator}`);
    return `ops.${name}(${one}, ${other})`;
  }

  private logical({ operator, left, right }: LogicalExpression, scope: Scope): string {
    const kept = this.unique('kept');
    this.temporaries.push(kept);
    const test = `ops.isTrue(${kept} = ${this.one(left, scope)})`;
    const other = this.one(right, scope);
    return operator === 'and' ? `(${test} ? ${other} : ${kept})` : `(${test} ? ${kept} : ${other})`;
  }
}

const isCall = (expression: Expression): expression is Call =>
  expression.type === 'CallExpression' ||
  expression.type === 'StringCallExpression' ||
  expression.type === 'TableCallExpression';

function argumentsOf(call: Call): readonly Expression[] {
  if (call.type === 'CallExpression') return call.arguments;
  return [call.type === 'StringCallExpression' ? call.argument : call.arguments];
}

/** Returns the last argument of an operation: what its value is called, for errors. Nothing for a value without a name. */
export function nameArgument(base: Expression, scope: Scope): string {
  const name = nameOf(base, scope);
  return name === undefined ? '' : `, ${JSON.stringify(name)}`;
}

function nameOf(base: Expression, scope: Scope): string | undefined {
  if (base.type === 'MemberExpression') return `field '${base.identifier.name}'`;
  return base.type === 'Identifier' ? `${scope.kindOf(base.name)} '${base.name}'` : undefined;
}
