import {
  parse,
  type AssignmentStatement,
  type Chunk,
  type Expression,
  type ForNumericStatement,
  type FunctionDeclaration,
  type Identifier,
  type IfStatement,
  type IndexExpression,
  type LocalStatement,
  type MemberExpression,
  type Statement,
} from 'luaparse';
import { ExpressionWriter, nameArgument } from './expression-writer.js';
import type { Operators } from './operators.js';
import { Scope } from './scope.js';
import { LuaError, type LuaValue } from './lua-value.js';

/** A script as a function of JavaScript. */
export type CompiledScript = (ops: Operators, globals: ReadonlyMap<string, LuaValue>) => readonly LuaValue[];

/**
 * Compiles a script of Lua 5.1 to JavaScript.
 *
 * @param source its text as bytes, one character each.
 * @throws LuaError if it is no Lua.
 */
export function compileScript(source: string): CompiledScript {
  let chunk: Chunk;
  try {
    chunk = parse(source, {
      luaVersion: '5.1',
      encodingMode: 'pseudo-latin1',
      comments: false,
      ranges: true,
    });
  } catch (error) {
    throw new LuaError((error as Error).message);
  }
  // oxlint-disable-next-line no-implied-eval, typescript/no-implied-eval -- what a script can do is what its text says
  return new Function('ops', 'globals', new ScriptWriter(source).script(chunk)) as CompiledScript;
}

type Target = Identifier | MemberExpression | IndexExpression;

/** Writes the statements of a script in JavaScript. */
class ScriptWriter extends ExpressionWriter {
  script({ body }: Chunk): string {
    return `'use strict'; const varargs = []; ${this.body(body, new Scope(this.unique))}`;
  }

  protected override functionOf(declaration: FunctionDeclaration, scope: Scope): string {
    const inner = scope.ofFunction();
    const { identifier } = declaration;
    const isMethod = identifier?.type === 'MemberExpression' && identifier.indexer === ':';
    const names = declaration.parameters.map((parameter) =>
      parameter.type === 'Identifier' ? inner.declare(parameter.name) : '...varargs',
    );
    const parameters = isMethod ? [inner.declare('self'), ...names] : names;
    return `(function (${parameters.join(', ')}) { ${this.body(declaration.body, inner)} })`;
  }

  /** Writes the body of a function, with its own temporaries. */
  private body(statements: readonly Statement[], scope: Scope): string {
    const outer = this.temporaries;
    this.temporaries = [];
    const text = this.statements(statements, scope);
    const declared = this.temporaries.length > 0 ? `let ${this.temporaries.join(', ')}; ` : '';
    this.temporaries = outer;
    return `${declared}${text} return ops.NONE;`;
  }

  private statements(statements: readonly Statement[], scope: Scope): string {
    return statements.map((statement) => this.statement(statement, scope)).join('\n');
  }

  private block(statements: readonly Statement[], scope: Scope): string {
    return `{ ${this.statements(statements, scope.inner())} }`;
  }

  private statement(statement: Statement, scope: Scope): string {
    switch (statement.type) {
      case 'LocalStatement':
        return this.local(statement, scope);
      case 'AssignmentStatement':
        return this.assignment(statement, scope);
      case 'CallStatement':
        return `${this.call(statement.expression, scope)};`;
      case 'ReturnStatement':
        return `return ${this.values(statement.arguments, scope)};`;
      case 'BreakStatement':
        return 'break;';
      case 'DoStatement':
        return this.block(statement.body, scope);
      case 'IfStatement':
        return this.branches(statement, scope);
      case 'WhileStatement':
        return `while (${this.condition(statement.condition, scope)}) ${this.block(statement.body, scope)}`;
      case 'RepeatStatement': {
        // the condition sees the variables of the body
        const inner = scope.inner();
        const body = this.statements(statement.body, inner);
        return `while (true) { ${body} if (${this.condition(statement.condition, inner)}) break; }`;
      }
      case 'ForNumericStatement':
        return this.count(statement, scope);
      case 'ForGenericStatement': {
        const inner = scope.inner();
        const values = this.values(statement.iterators, scope);
        const names = statement.variables.map(({ name }) => inner.declare(name));
        return `for (let [${names.join(', ')}] of ops.each(${values})) { ${this.statements(statement.body, inner)} }`;
      }
      case 'FunctionDeclaration':
        return this.declaration(statement, scope);
      default:
        throw new LuaError(`Lua 5.1 has no ${statement.type}`);
    }
  }

  private local({ variables, init }: LocalStatement, scope: Scope): string {
    const isPlain = init.length === variables.length && init.length === 1;
    const values = isPlain ? this.one(init[0], scope) : this.values(init, scope);
    // declared afterwards: the values see earlier variables of the same names
    const names = variables.map(({ name }) => scope.declare(name));
    if (init.length === 0) return `let ${names.join(', ')};`;
    return isPlain ? `let ${names[0]} = ${values};` : `let [${names.join(', ')}] = ${values};`;
  }

  private assignment({ variables, init }: AssignmentStatement, scope: Scope): string {
    if (variables.length === 1 && init.length === 1)
      return this.store(variables[0], this.one(init[0], scope), scope);
    const values = this.unique('values');
    // the places come first: they do not see what is assigned
    const places = variables.map((variable) => this.placeOf(variable, scope));
    const stores = places.map(({ store }, i) => store(`${values}[${i}]`));
    const before = places.map(({ before: text }) => text).join(' ');
    return `{ ${before} const ${values} = ${this.values(init, scope)}; ${stores.join(' ')} }`;
  }

  private placeOf(target: Target, scope: Scope): { before: string; store: (value: string) => string } {
    if (target.type === 'Identifier')
      return { before: '', store: (value) => this.store(target, value, scope) };
    const [base, key] = [this.unique('base'), this.unique('key')];
    return {
      before: `const ${base} = ${this.one(target.base, scope)}, ${key} = ${this.keyOf(target, scope)};`,
      store: (value) => `ops.setIndex(${base}, ${key}, ${value}${nameArgument(target.base, scope)});`,
    };
  }

  private store(target: Target, value: string, scope: Scope): string {
    if (target.type !== 'Identifier')
      return `ops.setIndex(${this.one(target.base, scope)}, ${this.keyOf(target, scope)}, ${value}${nameArgument(target.base, scope)});`;
    const local = scope.find(target.name);
    return local ? `${local} = ${value};` : `${value}; ops.setGlobal();`;
  }

  private keyOf(target: MemberExpression | IndexExpression, scope: Scope): string {
    return target.type === 'MemberExpression'
      ? JSON.stringify(target.identifier.name)
      : this.one(target.index, scope);
  }

  private branches({ clauses }: IfStatement, scope: Scope): string {
    return clauses
      .map((clause) => {
        const body = this.block(clause.body, scope);
        return clause.type === 'ElseClause'
          ? body
          : `if (${this.condition(clause.condition, scope)}) ${body}`;
      })
      .join(' else ');
  }

  private count({ variable, start, end, step, body }: ForNumericStatement, scope: Scope): string {
    const [at, last, by] = ['at', 'last', 'by'].map(this.unique);
    const number = (expression: Expression): string => `ops.number(${this.one(expression, scope)})`;
    const bounds = `${at} = ${number(start)}, ${last} = ${number(end)}, ${by} = ${step ? number(step) : '1'}`;
    const inner = scope.inner();
    const name = inner.declare(variable.name);
    const text = this.statements(body, inner);
    return `for (let ${bounds}; ${by} > 0 ? ${at} <= ${last} : ${at} >= ${last}; ${at} += ${by}) { let ${name} = ${at}; ${text} }`;
  }

  private declaration(declaration: FunctionDeclaration, scope: Scope): string {
    const { identifier } = declaration;
    if (!identifier) return `${this.functionOf(declaration, scope)};`;
    if (!declaration.isLocal) return this.store(identifier, this.functionOf(declaration, scope), scope);
    // declared first: the function may call itself
    const name = scope.declare((identifier as Identifier).name);
    return `let ${name}; ${name} = ${this.functionOf(declaration, scope)};`;
  }
}
