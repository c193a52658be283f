import { ReplyError, TopologyError } from '../common/errors.js';
import type { Ask } from '../protocol/reply.js';
import { topologyFromSlots, type AddressRemap } from './slots-reply.js';
import type { ClusterNode } from './topology.js';

/** The identity of a server that is not a node of any cluster. */
const NO_NODE = 'none';

/** Reads the id of a node; undefined if the node does not report it. Never rejects. */
export type IdentityQuestion = (ask: Ask) => Promise<string | undefined>;

/**
 * Returns the function with which one client reads node ids; see https://redis.io/commands/cluster-myid/. Once
 * the server has denied permission, it stops asking, as servers log what they deny.
 */
export function identityQuestion(): IdentityQuestion {
  let isForbidden = false;
  return async (ask) => {
    if (isForbidden) return undefined;
    try {
      const id = await ask('CLUSTER', 'MYID');
      return typeof id === 'string' && id !== '' ? id : undefined;
    } catch (error) {
      isForbidden ||= error instanceof ReplyError && error.code === 'NOPERM';
      const isAlone = error instanceof ReplyError && error.message.includes('cluster support disabled');
      return isAlone ? NO_NODE : undefined;
    }
  };
}

/** Whether the server at a node's address reports itself as another node. */
export function isOther(identity: string | undefined, { id }: ClusterNode): boolean {
  return identity !== undefined && id !== '' && identity !== id;
}

/** Returns the error for an address that has passed to another node, of this cluster or not. */
export function wrongNode(identity: string, { name, id }: ClusterNode): TopologyError {
  const found = identity === NO_NODE ? 'a server without a cluster' : `node ${identity}`;
  return new TopologyError('WRONG_NODE', `${name} is the address of node ${id}, but ${found} replies there`);
}

/**
 * Verifies that a new connection leads to the node that is known at its address. A proxy may report an id that
 * no node has; in that case the id counts that it reports for the address.
 * @throws TopologyError WRONG_NODE
 */
export async function verifyIdentity(
  ask: Ask,
  identity: string | undefined,
  known: ClusterNode | undefined,
  addressRemap: AddressRemap | undefined,
): Promise<void> {
  if (identity === undefined || known === undefined || !isOther(identity, known)) return;
  const slots = await ask('CLUSTER', 'SLOTS').catch((error: unknown) => {
    if (error instanceof ReplyError) return null;
    throw error;
  });
  const reported = topologyFromSlots(slots, known, addressRemap).node(known.name);
  if (reported?.id !== known.id) throw wrongNode(identity, known);
}
