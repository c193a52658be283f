import { InvalidArgumentError, ReplyError } from '../../cluster/common/errors.js';
import type { LocalNode } from '../server/local-node.js';
import { untilNothingMissing, type WaitOptions } from '../common/poll.js';

/** How a replica takes over. */
export interface FailoverOptions extends WaitOptions {
  /**
   * By default the primary takes part, and nothing is lost. `force` is for a dead primary. `takeover` needs no
   * votes, for when most primaries are dead.
   */
  mode?: 'force' | 'takeover' | undefined;
}

/** A server gives up a manual failover after 5 s; after this time it is requested again. */
const PATIENCE_MS = 6_000;

/**
 * Sends CLUSTER FAILOVER to a replica, and waits until all running nodes see it as the primary.
 * @throws InvalidArgumentError if the node is not a replica
 * @throws ReplyError if the server refuses
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
      if (missing === replica && performance.now() - askedAt > PATIENCE_MS) {
        askedAt = performance.now();
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
    // the other nodes may have promoted it just now
    if (!(error instanceof ReplyError) || (await replica.view()).myself.role === 'replica') throw error;
  }
}

/**
 * Returns the first running node that does not see the replica as a primary with slots; checks the replica
 * itself first.
 */
async function whoMisses(replica: LocalNode, running: readonly LocalNode[]): Promise<LocalNode | undefined> {
  for (const node of [replica, ...running.filter((other) => other !== replica)]) {
    const seen = (await node.view()).nodes.get(replica.id);
    if (seen?.role !== 'primary' || seen.slots.length === 0) return node;
  }
  return undefined;
}
