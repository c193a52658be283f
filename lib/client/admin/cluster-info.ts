/** The cluster as one node sees it; see https://redis.io/commands/cluster-info/. */
export interface ClusterInfo {
  /** `fail` where the node does not answer queries. */
  readonly state: 'ok' | 'fail';
  /** Slots that have an owner. */
  readonly slotsAssigned: number;
  /** Of these, how many are neither suspected nor known to be down. */
  readonly slotsOk: number;
  /** Slots whose owner is suspected to be down. */
  readonly slotsPfail: number;
  /** Slots whose owner is known to be down. */
  readonly slotsFail: number;
  /** Nodes the answering one knows of, those in handshake too. */
  readonly knownNodes: number;
  /** Primaries that own slots. */
  readonly size: number;
  readonly currentEpoch: number;
  /** The configuration epoch of the answering node. */
  readonly myEpoch: number;
  /** All fields by the names of the server, those above and those it may have beside them. */
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
