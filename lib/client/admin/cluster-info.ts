/** The cluster, as one node sees it; see https://redis.io/commands/cluster-info/. */
export interface ClusterInfo {
  /** `fail` if the node does not accept queries. */
  readonly state: 'ok' | 'fail';
  /** Slots that have an owner. */
  readonly slotsAssigned: number;
  /** How many of these have an owner that is neither suspected nor known to be down. */
  readonly slotsOk: number;
  /** Slots whose owner is suspected to be down. */
  readonly slotsPfail: number;
  /** Slots whose owner is known to be down. */
  readonly slotsFail: number;
  /** Nodes that the replying node knows, including those in handshake. */
  readonly knownNodes: number;
  /** Primaries that own slots. */
  readonly size: number;
  readonly currentEpoch: number;
  /** The configuration epoch of the replying node. */
  readonly myEpoch: number;
  /** All fields by their server name, including those without a property here. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Reads the reply of CLUSTER INFO. */
export function parseClusterInfo(text: string): ClusterInfo {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const number = (name: string): number => Number(fields.get(`cluster_${name}`) ?? 0);
  return {
    state: fields.get('cluster_state') === 'ok' ? 'ok' : 'fail',
    slotsAssigned: number('slots_assigned'),
    slotsOk: number('slots_ok'),
    slotsPfail: number('slots_pfail'),
    slotsFail: number('slots_fail'),
    knownNodes: number('known_nodes'),
    size: number('size'),
    currentEpoch: number('current_epoch'),
    myEpoch: number('my_epoch'),
    fields,
  };
}
