import { toByteText } from '../../cluster/protocol/buffer-text.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import type { ChannelName } from './cluster-message.js';

/** The name of a channel, or a pattern, as a subscriber gave it. */
export interface SubscriptionName {
  readonly given: ChannelName;
  /** Equal for names with equal bytes. */
  readonly key: string;
}

/**
 * Returns the names, duplicates included: whoever looks names up anyway finds them there.
 * @throws InvalidArgumentError for no name, an empty name, or a name that is neither a string nor a Buffer
 */
export function readNames(names: ChannelName | readonly ChannelName[]): SubscriptionName[] {
  const list = Array.isArray(names) ? (names as readonly ChannelName[]) : [names as ChannelName];
  if (list.length === 0) throw new InvalidArgumentError('names', 'Pass at least one name, got an empty list');
  const given = list.map(copyOf);
  // one look at all of them: there may be thousands, and ASCII is its own key
  const text = given.join('');
  const ascii = Buffer.byteLength(text) === text.length;
  return given.map((one) => ({ given: one, key: ascii && typeof one === 'string' ? one : toByteText(one) }));
}

/** Checks a name, and copies a Buffer, which the caller may reuse. */
function copyOf(name: ChannelName): ChannelName {
  checkName(name);
  return typeof name === 'string' ? name : Buffer.from(name);
}

/** Returns names by their keys, in the form in which they were given first. */
export function formsByKey(names: readonly SubscriptionName[]): Map<string, ChannelName> {
  return new Map(names.toReversed().map(({ key, given }) => [key, given]));
}

/** Checks the name of a channel, or a pattern. @throws InvalidArgumentError */
export function checkName(name: ChannelName): ChannelName {
  if (typeof name !== 'string' && !Buffer.isBuffer(name)) {
    throw new InvalidArgumentError(
      'name',
      `The name of a channel must be a string or a Buffer, got ${describeKind(name)}`,
    );
  }
  if (name.length === 0)
    throw new InvalidArgumentError(
      'name',
      'The name of a channel must not be empty, got an empty string or Buffer',
    );
  return name;
}
