import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { ClusterClientOptions } from './client-options.js';

/** Converts the text of an option in a URL. The value is checked later, with all other options. */
type Reader = (text: string) => unknown;

const word: Reader = (text) => text;
const count: Reader = (text) => (/^\d+$/.test(text) ? Number(text) : text);
const flag: Reader = (text) => (text === 'true' || text === 'false' ? text === 'true' : text);

/** The options that a URL can hold: those whose value is a word, a number or a boolean, and not a secret. */
const READERS: ReadonlyMap<string, Reader> = new Map<keyof ClusterClientOptions, Reader>([
  ['clientName', word],
  ['keyPrefix', word],
  ['readFrom', word],
  ['retry', word],
  ['codec', word],
  ['database', count],
  ['protocol', count],
  ['deadlineMs', count],
  ['connectTimeoutMs', count],
  ['startupTimeoutMs', count],
  ['replyTimeoutMs', count],
  ['keepAliveMs', count],
  ['refreshIntervalMs', count],
  ['leaseTimeoutMs', count],
  ['heartbeatMs', count],
  ['statsIntervalMs', count],
  ['slowMs', count],
  ['maxLeasedPerNode', count],
  ['maxLeased', count],
  ['lazyConnect', flag],
  ['requireFullCoverage', flag],
  ['dynamicStartupNodes', flag],
]);

/**
 * Splits the options in the query of a URL (`redis://host:7000?readFrom=replica&deadlineMs=5000`) from the
 * URL.
 * @throws InvalidArgumentError for an unknown option, or one that a URL cannot hold
 */
export function splitUrl(url: string): { node: string; options: ClusterClientOptions } {
  const at = typeof url === 'string' ? url.indexOf('?') : -1;
  if (at === -1) return { node: url, options: {} };
  const entries = [...new URLSearchParams(url.slice(at + 1))].map(([name, text]) => {
    const read = READERS.get(name);
    if (read !== undefined) return [name, read(text)];
    throw new InvalidArgumentError(
      name,
      `Option ${name} cannot be given in the query of a URL; ${[...READERS.keys()].join(', ')} can`,
    );
  });
  return { node: url.slice(0, at), options: Object.fromEntries(entries) as ClusterClientOptions };
}
