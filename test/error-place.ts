/** The message of an error without the command and the node that it names at its end. */
export function withoutPlace(message: string): string {
  return message.replace(/ \((?:[A-Z_.|\- ]+)?(?: ?on [^\s()]+:\d+)?\)$/, '');
}
