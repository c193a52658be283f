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
  /** Whether the servers passed on one message behind a later one, which is no fault of the client. Default: never. */
  areSwapped?(earlier: number, later: number): boolean;
  /** Whether a message reached the servers once, so that only they can have passed it on twice. Default: never. */
  reachedOnce?(number: number): boolean;
}

/** Returns what is wrong, one line each: messages that are missing or came twice outside of gaps, or out of order. */
export function messageFaults({
  published,
  received,
  gaps,
  areSwapped = () => false,
  reachedOnce = () => false,
}: MessageHistory): string[] {
  const arrived = new Set(received);
  const isInGap = (message: Published): boolean => gaps.some((gap) => overlap(message, gap));
  const missing = published
    .filter(({ number, confirmedAt }) => confirmedAt !== undefined && !arrived.has(number))
    .filter((message) => !isInGap(message))
    .map(({ number, calledAt }) => `message ${number} of ${calledAt} ms is missing, and no gap was declared`);
  // a subscription that goes to another node may have it from both
  const maybeTwice = new Set(
    published
      .filter((message) => isInGap(message) && reachedOnce(message.number))
      .map(({ number }) => number),
  );
  const known = new Set(published.map(({ number }) => number));
  const foreign = received
    .filter((number) => !known.has(number))
    .map((number) => `message ${number} was never sent`);
  const again = received
    .filter((number, place) => received.indexOf(number) < place && !maybeTwice.has(number))
    .map((number) => `message ${number} came again`);
  // one whose reply was lost may be on its way while its publisher goes on
  const confirmed = new Set(
    published.filter(({ confirmedAt }) => confirmedAt !== undefined).map(({ number }) => number),
  );
  const ordered = received.filter((number) => confirmed.has(number));
  const late = ordered
    .filter((number, place) =>
      ordered.slice(0, place).some((before) => before > number && !areSwapped(number, before)),
    )
    .map((number) => `message ${number} came too late`);
  return [...missing, ...foreign, ...again, ...late];
}

const overlap = ({ calledAt, confirmedAt = Infinity }: Published, { since, until }: DeclaredGap): boolean =>
  since <= confirmedAt && calledAt <= until;
