import { toByteText } from './buffer-text.js';

type Arguments = readonly (string | Buffer)[];

/** Commands with fewer arguments are encoded faster than compared. */
const MINIMUM_ARGUMENTS = 4;

/** Longer texts are not kept. */
const MAXIMUM_LENGTH = 2 * 1024;

/**
 * Recognizes commands that repeat all arguments of the command before them except the first, as when the same fields of
 * many hashes are read. Their text is made once.
 */
export class RepeatedArguments {
  private known: Arguments = [];
  private text: string | undefined;

  /** @param lineOf returns an argument as it is sent, from its byte text. */
  constructor(private readonly lineOf: (bytes: string) => string) {}

  /** Returns the text of all arguments except the first; undefined unless the command before had the same. */
  textOf(args: Arguments): string | undefined {
    if (args.length < MINIMUM_ARGUMENTS) return undefined;
    if (this.isKnown(args)) return (this.text ??= this.make(args));
    this.known = args;
    this.text = undefined;
    return undefined;
  }

  forget(): void {
    this.known = [];
    this.text = undefined;
  }

  private isKnown(args: Arguments): boolean {
    const { known } = this;
    if (known.length !== args.length) return false;
    let length = 0;
    for (let i = 1; i < args.length; i++) {
      const value = args[i];
      // the content of a Buffer may have changed
      if (value !== known[i] || typeof value !== 'string') return false;
      length += value.length;
    }
    return length <= MAXIMUM_LENGTH;
  }

  private make(args: Arguments): string {
    this.known = [...args]; // the caller may change its list
    const lines = args.slice(1).map((value) => this.lineOf(toByteText(value)));
    return lines.join('');
  }
}
