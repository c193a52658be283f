/** The local variables that a place of a script sees, with their names in JavaScript. */
export class Scope {
  private readonly names = new Map<string, string>();

  constructor(
    private readonly unique: (name: string) => string,
    private readonly outer?: Scope,
    /** Whether it is the outermost one of a function. */
    private readonly isFunction = true,
  ) {}

  /** Opens a block inside this one. */
  inner(): Scope {
    return new Scope(this.unique, this, false);
  }

  /** Opens a function inside this block. */
  ofFunction(): Scope {
    return new Scope(this.unique, this);
  }

  /** Declares a variable, and returns its name in JavaScript, which no other variable has. */
  declare(name: string): string {
    const own = this.unique(name);
    this.names.set(name, own);
    return own;
  }

  /** Returns the name of a variable in JavaScript; undefined if it is global. */
  find(name: string): string | undefined {
    return this.names.get(name) ?? this.outer?.find(name);
  }

  /** Returns what Lua calls a variable in errors. */
  kindOf(name: string): 'local' | 'upvalue' | 'global' {
    if (this.names.has(name)) return 'local';
    if (!this.outer) return 'global';
    const kind = this.outer.kindOf(name);
    return kind === 'local' && this.isFunction ? 'upvalue' : kind;
  }
}
