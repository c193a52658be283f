import { epochMs, errorCodeOf, outcomeOf } from './traced.js';
import type { KeyslotCallEvent, KeyslotNodePart, KeyslotOutcome, KeyslotRouting } from './contexts.js';

/** Events of one call that are recorded. A large pipeline in a failover has one for each of its commands. */
const MAX_EVENTS = 128;

const SEVERITY: Readonly<Record<KeyslotOutcome, number>> = { ok: 0, error: 1, unknown: 2 };

/** The same for all calls without redirects, which are nearly all. Replaced by the first redirect. */
export const NO_REDIRECTS: KeyslotRouting['redirects'] = Object.freeze({ moved: 0, ask: 0 });
/** The same for all calls without events. Replaced by the first event. */
export const NO_EVENTS: KeyslotRouting['events'] = Object.freeze([]);
/** The same for all calls that no node has answered yet. */
export const NO_NODES: KeyslotRouting['nodes'] = Object.freeze([]);

/** Creates the fields of a context that a `CallTrace` fills in. */
export function emptyRouting(): KeyslotRouting {
  // all fields from the start: objects that grow are slow
  return {
    node: undefined,
    address: undefined,
    port: undefined,
    nodes: NO_NODES,
    attempts: 0,
    redirects: NO_REDIRECTS,
    retries: 0,
    events: NO_EVENTS,
  };
}

/** Records in a context where a call goes. Exists only for calls that somebody listens to. */
export class CallTrace {
  constructor(private readonly routing: KeyslotRouting) {}

  /**
   * Records that a request is on its way.
   * @returns to be called when it has ended: with the node that answered, if one did, and its error
   */
  begin(): (node: string | undefined, error?: Error) => void {
    this.routing.attempts++;
    const startedAt = epochMs();
    return (node, error) => {
      if (node !== undefined) this.ended(node, startedAt, error);
    };
  }

  /** Records that a request goes to another node at once. */
  redirected(reason: string, node: string, to: string): void {
    const { moved, ask } = this.routing.redirects;
    this.routing.redirects = reason === 'ASK' ? { moved, ask: ask + 1 } : { moved: moved + 1, ask };
    this.again('redirect', reason, node, to);
  }

  /** Records that a request is tried again, or sent again after its reply was lost. */
  retried(kind: 'retry' | 'resend', cause: Error | undefined, node: string | undefined): void {
    this.routing.retries++;
    this.again(kind, cause === undefined ? 'unknown' : errorCodeOf(cause), node);
  }

  private again(kind: 'redirect' | 'retry' | 'resend', reason: string, node?: string, to?: string): void {
    const { routing } = this;
    routing.attempts++;
    if (routing.events.length >= MAX_EVENTS) return;
    const event: KeyslotCallEvent = { kind, reason, node, to, at: epochMs() };
    if (routing.events === NO_EVENTS) routing.events = [event];
    else (routing.events as KeyslotCallEvent[]).push(event);
  }

  /** Records that a request has ended which began at `startedAt`. */
  ended(node: string, startedAt: number, error: Error | undefined): void {
    const part = this.partOf(node, startedAt);
    part.commands++;
    part.endedAt = epochMs();
    part.startedAt = Math.min(part.startedAt, startedAt);
    this.routing.node = node;
    this.routing.address = part.address;
    this.routing.port = part.port;
    if (error === undefined) return;
    part.failed++;
    part.errorCode ??= errorCodeOf(error);
    const outcome = outcomeOf(error);
    if (SEVERITY[outcome] > SEVERITY[part.outcome]) part.outcome = outcome;
  }

  private partOf(node: string, startedAt: number): KeyslotNodePart {
    let part = this.routing.nodes.find((one) => one.node === node);
    if (part === undefined) {
      const { address, port } = addressOf(node);
      part = { node, address, port, commands: 0, failed: 0, startedAt, endedAt: startedAt, outcome: 'ok' };
      // a list of one takes less memory than an empty one to which one is added
      if (this.routing.nodes === NO_NODES) this.routing.nodes = [part];
      else (this.routing.nodes as KeyslotNodePart[]).push(part);
    }
    return part;
  }
}

/** The two parts of a node's name. */
export function addressOf(node: string): { address: string; port: number } {
  const colon = node.lastIndexOf(':');
  return { address: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
}
