import { SLOT_COUNT } from './key-slot.js';
import type { NodeAddress } from './topology.js';

/** Redirects in a row after which nodes are taken to disagree, and each further one waits a moment. */
export const PROMPT_REDIRECTS = 4;

/** What a MOVED or ASK reply says. */
export interface Redirect {
  readonly slot: number;
  readonly target: NodeAddress;
}

const REDIRECT = /^(?:MOVED|ASK) (\d{1,5}) (.*):(\d{1,5})$/;

/**
 * Reads `MOVED 3999 127.0.0.1:6381` or `ASK …`; an empty host stands for the host that answered
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#moved-redirection).
 * Undefined where the text is anything else.
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
