/** A replica acknowledges once a second; one that has not for so many seconds is stuck, or gone. */
const MAXIMUM_LAG_SECONDS = 5;

/** A line for each replica: `slave0:ip=…,port=…,state=online,offset=…,lag=0`. */
const REPLICA_LINE = /^slave\d+:.*\bstate=(\w+),.*\blag=(-?\d+)/gm;

/**
 * How many replicas follow a primary, in its own eyes.
 * @param replication what it answered to INFO replication
 * @see {@link https://redis.io/docs/latest/commands/info/ | INFO}
 */
export function replicasInSync(replication: string): number {
  const lines = [...replication.matchAll(REPLICA_LINE)];
  return lines.filter(([, state, lag]) => state === 'online' && Number(lag) <= MAXIMUM_LAG_SECONDS).length;
}

/**
 * Whether a node refuses keys, for want of slots or of a majority.
 * @param info what it answered to CLUSTER INFO
 * @see {@link https://redis.io/docs/latest/commands/cluster-info/ | CLUSTER INFO}
 */
export function saysClusterDown(info: string): boolean {
  return /^cluster_state:fail/m.test(info);
}

/** In how many slots a node knows a primary, as it answered to CLUSTER INFO; undefined where it does not say. */
export function slotsAssigned(info: string): number | undefined {
  const [, count] = /^cluster_slots_assigned:(\d+)/m.exec(info) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** Whether a node follows another one. @param replication what it answered to INFO replication */
export function saysReplica(replication: string): boolean {
  return /^role:slave/m.test(replication);
}
