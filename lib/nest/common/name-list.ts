/** Names that a line of the log shows. */
const SHOWN = 5;

/** Characters of one name that a line of the log shows. */
const LENGTH = 100;

/** Names for the log: all of a few, and of many the first with how many there are. */
export function nameList(names: readonly (string | Buffer)[]): string {
  const shown = names.slice(0, SHOWN).map((name) => shortened(String(name)));
  const others = names.length - shown.length;
  return others === 0 ? shown.join(', ') : `${shown.join(', ')} and ${others} more`;
}

function shortened(name: string): string {
  return name.length <= LENGTH ? name : `${name.slice(0, LENGTH)}…`;
}
