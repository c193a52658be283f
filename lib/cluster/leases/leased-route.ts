import type { CallLimit } from '../command/call-limit.js';
import { TopologyError, type ReplyError } from '../common/errors.js';
import { REFUSALS } from '../common/refusals.js';
import type { RetryMode } from '../options/options.js';
import { resolveRedirect } from '../retry/resolve-redirect.js';
import { retryUntil, type Attempt } from '../retry/retry-until.js';
import { isRedirect } from '../retry/transient.js';
import type { NodeCounters } from '../stats/node-counters.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { PROMPT_REDIRECTS } from '../topology/redirect.js';
import type { ClusterNode } from '../topology/topology.js';
import type { LeaseHost } from './lease-host.js';
import type { CallTrace } from '../diagnostics/call-trace.js';

type FailedAttempt = Exclude<Attempt<never>, { readonly result: never }>;

/** The destination of an attempt on a leased connection. */
export interface Destination {
  readonly node: ClusterNode;
  /** Whether an ASK redirect leads here. */
  readonly asking: boolean;
}

/** Finds the nodes for the attempts of one call that runs on leased connections. */
export class LeasedRoute {
  /** The node of the last attempt. */
  node: ClusterNode | undefined = undefined;
  attempts = 0;
  private redirects = 0;
  /** Those of the node of the last attempt. */
  counters: NodeCounters;

  constructor(
    private readonly host: LeaseHost,
    private readonly slot: number,
    private readonly pinned?: ClusterNode,
    private readonly trace?: CallTrace,
  ) {
    this.counters = host.counters.elsewhere;
  }

  /**
   * Makes attempts until one has a result. Follows a redirect at once; otherwise waits for a backoff and uses
   * the topology.
   * @param attempt throws errors that another attempt cannot fix
   * @param asThrown converts the error of the last attempt, and that of the limit, before it is thrown
   */
  follow<T>(
    limit: CallLimit,
    retry: RetryMode,
    attempt: (destination: Destination) => Promise<Attempt<T>>,
    asThrown: (error: Error) => Error = (error) => error,
  ): Promise<T> {
    let redirect: Destination | undefined;
    return retryUntil(
      limit,
      async () => {
        const destination = redirect ?? this.owner();
        redirect = undefined;
        if (destination !== undefined) this.counters = this.host.counters.node(destination.node.name);
        this.node = destination?.node;
        this.attempts++;
        const outcome: Attempt<T> =
          destination === undefined ? { lastError: this.uncovered() } : await attempt(destination);
        if ('result' in outcome || outcome.lastError === undefined) return outcome;
        redirect = this.redirectOf(outcome.lastError, destination?.node);
        const promptly = redirect !== undefined;
        if (!promptly && !limit.over && retry === 'never') throw asThrown(outcome.lastError);
        if (!promptly) this.counters.retries.addError(outcome.lastError);
        if (!limit.over) this.record(outcome, redirect?.node);
        return { ...outcome, promptly };
      },
      (lastError) => asThrown(limit.error(lastError)),
    );
  }

  private record({ lastError, resent }: FailedAttempt, target: ClusterNode | undefined): void {
    const { trace, node } = this;
    if (trace === undefined || lastError === undefined) return;
    if (target !== undefined && node !== undefined) {
      trace.redirected((lastError as ReplyError).code, node.name, target.name);
    } else trace.retried(resent ? 'resend' : 'retry', lastError, node?.name);
  }

  /** Returns the named node, else the node of the slot according to the topology. */
  private owner(): Destination | undefined {
    const { topology } = this.host;
    const { pinned } = this;
    if (pinned !== undefined) return { node: pinned, asking: false };
    const node = this.slot === NO_SLOT ? topology.defaultNode : topology.nodeForSlot(this.slot);
    return node && { node, asking: false };
  }

  private uncovered(): TopologyError {
    this.host.reportStale();
    return new TopologyError('SLOTS_NOT_COVERED', `No node serves slot ${this.slot} at present`);
  }

  /**
   * Returns where a refusal sends the call at once. Undefined if the call must wait and then use the topology.
   * That is also the case after several redirects in a row, as the nodes disagree then.
   */
  private redirectOf(error: Error, from: ClusterNode | undefined): Destination | undefined {
    const { code = '' } = error as { code?: string };
    const refusal = REFUSALS.get(code);
    if (refusal !== undefined) this.counters.redirects.add(code);
    if (refusal?.refresh) this.host.reportStale();
    if (!isRedirect(error)) this.redirects = 0;
    if (from === undefined || !isRedirect(error) || ++this.redirects > PROMPT_REDIRECTS) return undefined;
    const target = resolveRedirect(error, from, this.host);
    return target && { node: target.node, asking: error.code === 'ASK' };
  }
}
