import { monotonicMs } from '../../cluster/common/timers.js';
import { InvalidArgumentError, ReplyError } from '../../cluster/common/errors.js';
import type { LocalNode } from '../server/local-node.js';
import { untilNothingMissing, type WaitOptions } from '../common/poll.js';

/** How a replica takes over. */
export interface FailoverOptions extends WaitOptions {
  /**
   * Left out, the primary takes part and nothing is lost; `force` is for a primary that is dead; `takeover` for
   * when most primaries are, and asks nobody.
   */
  mode?: 'force' | 'takeover' | undefined;
}

/** A server gives a manual failover up after 5 s; then it is asked again. */
const PATIENCE_MS = 6_000;

/**
 * CLUSTER FAILOVER on a replica, until all the running nodes see it as the primary.
 * @throws InvalidArgumentError when it is no replica
 * @throws ReplyError when the server refuses
 */
export async function failOver(
  replica: LocalNode,
  running: () => readonly LocalNode[],
  { mode, ...wait }: FailoverOptions = {},
): Promise<void> {
  if ((await replica.view()).myself.role === 'primary') {
    throw new InvalidArgumentError('replica', `${replica.name} is a primary already`);
  }
  let askedAt = -Infinity;
  await untilNothingMissing(
    `Failover to ${replica.name}`,
    async () => {
      const missing = await whoMisses(replica, running());
      if (missing === replica && monotonicMs() - askedAt > PATIENCE_MS) {
        askedAt = monotonicMs();
        await ask(replica, mode);
      }
      return missing && `${missing.name} does not see it as primary`;
    },
    wait,
  );
}

async function ask(replica: LocalNode, mode: FailoverOptions['mode']): Promise<void> {
  try {
    await replica.connection.call('CLUSTER', 'FAILOVER', ...(mode === undefined ? [] : [mode.toUpperCase()]));
  } catch (error) {
    // it may have been promoted by the others just now
    if (!(error instanceof ReplyError) || (await replica.view()).myself.role === 'replica') throw error;
  }
}

/** The first running node, itself before all, in whose eyes the replica is not a primary with slots. */
async function whoMisses(replica: LocalNode, running: readonly LocalNode[]): Promise<LocalNode | undefined> {
  for (const node of [replica, ...running.filter((other) => other !== replica)]) {
    const seen = (await node.view()).nodes.get(replica.id);
    if (seen?.role !== 'primary' || seen.slots.length === 0) return node;
  }
  return undefined;
}
