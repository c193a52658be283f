/** A replica acknowledges once a second; one that has not for this many seconds is stuck or gone. */
const MAXIMUM_LAG_SECONDS = 5;

/** One line per replica: `slave0:ip=…,port=…,state=online,offset=…,lag=0`. */
const REPLICA_LINE = /^slave\d+:.*\bstate=(\w+),.*\blag=(-?\d+)/gm;

/**
 * Returns how many replicas are in sync with a primary, by its own report.
 * @param replication its reply to INFO replication
 * @see {@link https://redis.io/docs/latest/commands/info/ | INFO}
 */
export function replicasInSync(replication: string): number {
  const lines = [...replication.matchAll(REPLICA_LINE)];
  return lines.filter(([, state, lag]) => state === 'online' && Number(lag) <= MAXIMUM_LAG_SECONDS).length;
}

/**
 * Returns whether a node rejects commands for keys because slots or a majority of primaries are missing.
 * @param info its reply to CLUSTER INFO
 * @see {@link https://redis.io/docs/latest/commands/cluster-info/ | CLUSTER INFO}
 */
export function saysClusterDown(info: string): boolean {
  return /^cluster_state:fail/m.test(info);
}

/**
 * Returns the number of slots for which a node knows a primary, from CLUSTER INFO; undefined if the reply does not
 * contain it.
 */
export function slotsAssigned(info: string): number | undefined {
  const [, count] = /^cluster_slots_assigned:(\d+)/m.exec(info) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** Returns whether a node is a replica. @param replication its reply to INFO replication */
export function saysReplica(replication: string): boolean {
  return /^role:slave/m.test(replication);
}
