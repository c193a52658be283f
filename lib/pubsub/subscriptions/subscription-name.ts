import { toByteText } from '../../cluster/protocol/buffer-text.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { kindOf } from '../../cluster/common/describe-value.js';
import type { ChannelName } from './cluster-message.js';

/** The name of a channel, or a pattern, as a subscriber gave it. */
export interface SubscriptionName {
  readonly given: ChannelName;
  /** Equal for names of equal bytes. */
  readonly key: string;
}

/**
 * Names as they were given, each once.
 * @throws InvalidArgumentError where there is none, or one is empty or no name at all
 */
export function readNames(names: ChannelName | readonly ChannelName[]): SubscriptionName[] {
  const list = Array.isArray(names) ? (names as readonly ChannelName[]) : [names as ChannelName];
  if (list.length === 0) throw new InvalidArgumentError('names', 'At least one name is needed');
  const byKey = new Map<string, SubscriptionName>();
  for (const name of list) {
    const key = toByteText(checkName(name));
    // a copy, for the caller may go on to use his
    if (!byKey.has(key)) byKey.set(key, { given: typeof name === 'string' ? name : Buffer.from(name), key });
  }
  return [...byKey.values()];
}

/** @throws InvalidArgumentError */
export function checkName(name: ChannelName): ChannelName {
  if (typeof name !== 'string' && !Buffer.isBuffer(name)) {
    throw new InvalidArgumentError(
      'name',
      `The name of a channel is a string or a Buffer; ${kindOf(name)} came`,
    );
  }
  if (name.length === 0) throw new InvalidArgumentError('name', 'The name of a channel must not be empty');
  return name;
}
