import { SLOT_COUNT } from './key-slot.js';
import type { NodeAddress } from './topology.js';

/**
 * The number of redirects in a row after which the nodes are considered to disagree, and each further redirect
 * waits for a moment.
 */
export const PROMPT_REDIRECTS = 4;

/** The content of a MOVED or ASK reply. */
export interface Redirect {
  readonly slot: number;
  readonly target: NodeAddress;
}

// behind it, an error that a caller has seen names its command and node
const REDIRECT = /^(?:MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})(?: \(.*\))?$/;

/**
 * Reads `MOVED 3999 127.0.0.1:6381` or `ASK …`. An empty host stands for the host that replied
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#moved-redirection). Undefined for
 * any other text.
 */
export function parseRedirect(message: string, answeredBy: NodeAddress): Redirect | undefined {
  const match = REDIRECT.exec(message);
  if (match === null) return undefined;
  const slot = Number(match[1]);
  const port = Number(match[3]);
  const host = match[2] === '' ? answeredBy.host : match[2];
  if (slot >= SLOT_COUNT || port < 1 || port > 65_535 || host === '?') return undefined;
  return { slot, target: { host, port } };
}
