import { ReplyError, TopologyError } from '../common/errors.js';
import type { Ask } from '../protocol/reply.js';
import { topologyFromSlots, type AddressRemap } from './slots-reply.js';
import type { ClusterNode } from './topology.js';

/** What a server says of itself that is no node of any cluster. */
const NO_NODE = 'none';

/** Asks a node for its id; undefined where it does not tell. Never rejects. */
export type IdentityQuestion = (ask: Ask) => Promise<string | undefined>;

/**
 * The question of one client; see https://redis.io/commands/cluster-myid/. Once its user is found not to have the right
 * to ask, it is asked no more, as servers keep account of what they refuse.
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

/** Whether what answers at a node's address is, by what it says of itself, another one. */
export function isOther(identity: string | undefined, { id }: ClusterNode): boolean {
  return identity !== undefined && id !== '' && identity !== id;
}

/** The address of a node has passed to another one, of this cluster or not. */
export function wrongNode(identity: string, { name, id }: ClusterNode): TopologyError {
  const found = identity === NO_NODE ? 'a server that is in no cluster' : `node ${identity}`;
  return new TopologyError('WRONG_NODE', `${name} was node ${id}, and ${found} answers there now`);
}

/**
 * Makes sure that a fresh connection leads to the node that is known by this address. A proxy may give an id that is
 * nobody's; then that counts which it tells for the address.
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
  const told = topologyFromSlots(slots, known, addressRemap).node(known.name);
  if (told?.id !== known.id) throw wrongNode(identity, known);
}
