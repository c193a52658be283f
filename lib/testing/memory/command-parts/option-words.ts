import { SYNTAX_ERROR } from './command.js';
import { CommandError } from './reply.js';

/** Reads the words that follow the arguments of a command, one by one. */
export class OptionWords {
  private place: number;

  constructor(
    private readonly args: readonly string[],
    from: number,
  ) {
    this.place = from;
  }

  /** Returns the next word in upper case; undefined at the end. */
  next(): string | undefined {
    return this.args[this.place++]?.toUpperCase();
  }

  /** Returns the next argument as it is. @throws CommandError at the end. */
  value(): string {
    if (this.place >= this.args.length) throw new CommandError(SYNTAX_ERROR);
    return this.args[this.place++];
  }

  /** Skips a word if it comes next. Returns whether it did. */
  skip(...words: readonly string[]): boolean {
    const found = words.includes(this.args[this.place]);
    if (found) this.place++;
    return found;
  }

  /** Returns the arguments that are left. */
  rest(): readonly string[] {
    return this.args.slice(this.place);
  }

  /** Goes back by one argument. */
  back(): void {
    this.place--;
  }
}

/** Reads options that are words, each with the number of its values. @throws CommandError for another word. */
export function optionsOf(
  args: readonly string[],
  from: number,
  known: Readonly<Record<string, number>>,
): Map<string, readonly string[]> {
  const words = new OptionWords(args, from);
  const found = new Map<string, readonly string[]>();
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (!Object.hasOwn(known, word)) throw new CommandError(SYNTAX_ERROR);
    found.set(
      word,
      Array.from({ length: known[word] }, () => words.value()),
    );
  }
  return found;
}

/** @throws CommandError if more than one of these options is given. */
export function refuseTogether(options: ReadonlyMap<string, unknown>, ...names: readonly string[]): void {
  if (names.filter((name) => options.has(name)).length > 1) throw new CommandError(SYNTAX_ERROR);
}
