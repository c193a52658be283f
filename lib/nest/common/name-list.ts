/** The most names that a log line shows. */
const SHOWN = 5;

/** The most characters of a name that a log line shows. */
const LENGTH = 100;

/** Formats names for the log: a few in full, or the first ones and the number of the others. */
export function nameList(names: readonly (string | Buffer)[]): string {
  const shown = names.slice(0, SHOWN).map((name) => shortened(String(name)));
  const others = names.length - shown.length;
  return others === 0 ? shown.join(', ') : `${shown.join(', ')} and ${others} more`;
}

function shortened(name: string): string {
  return name.length <= LENGTH ? name : `${name.slice(0, LENGTH)}…`;
}
