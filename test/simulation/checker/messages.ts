/** A message that a publisher has numbered. */
export interface Published {
  readonly number: number;
  readonly calledAt: number;
  /** When the servers had confirmed it; `undefined` if the outcome is unknown or nothing was published. */
  readonly confirmedAt: number | undefined;
}

/** An interval that a subscription has declared, in which messages may be missing. */
export interface DeclaredGap {
  readonly since: number;
  readonly until: number;
}

/** What one subscriber saw of one publisher, whose calls came one after the other. */
export interface MessageHistory {
  readonly published: readonly Published[];
  /** The numbers of the messages, in the order of their arrival. */
  readonly received: readonly number[];
  readonly gaps: readonly DeclaredGap[];
}

/** Returns what is wrong, one line each: messages that are missing outside of gaps, came twice, or out of order. */
export function messageFaults({ published, received, gaps }: MessageHistory): string[] {
  const arrived = new Set(received);
  const missing = published
    .filter(({ number, confirmedAt }) => confirmedAt !== undefined && !arrived.has(number))
    .filter((message) => !gaps.some((gap) => overlap(message, gap)))
    .map(({ number, calledAt }) => `message ${number} of ${calledAt} ms is missing, and no gap was declared`);
  const known = new Set(published.map(({ number }) => number));
  const foreign = received
    .filter((number) => !known.has(number))
    .map((number) => `message ${number} was never sent`);
  const disordered = received
    .filter((number, place) => place > 0 && number <= received[place - 1])
    .map((number) => `message ${number} came again or too late`);
  return [...missing, ...foreign, ...disordered];
}

const overlap = ({ calledAt, confirmedAt = Infinity }: Published, { since, until }: DeclaredGap): boolean =>
  since <= confirmedAt && calledAt <= until;
