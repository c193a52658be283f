/** The local variables that a place of a script sees, with their names in JavaScript. */
export class Scope {
  private readonly names = new Map<string, string>();

  constructor(
    private readonly unique: (name: string) => string,
    private readonly outer?: Scope,
  ) {}

  /** Opens a block inside this one. */
  inner(): Scope {
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
}
