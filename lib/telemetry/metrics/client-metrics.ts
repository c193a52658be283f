import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { ClusterStats } from '../../cluster/stats/cluster-stats.js';
import { ATTRIBUTES } from '../common/attribute-names.js';
import { ElsewhereCounters } from './elsewhere.js';
import { OBSERVED, type Instrument, type ObservedName } from './instruments.js';
import {
  clientReadings,
  connectionReadings,
  SYSTEM_ATTRIBUTES,
  trafficCounters,
  trafficGauges,
  type Reading,
} from './readings.js';

/** What has statistics: a `ClusterClient`. */
export interface StatsSource {
  stats(): ClusterStats;
}

/** Reads the statistics of clients whenever metrics are collected. */
export class ClientMetrics {
  private readonly instruments: ReadonlyMap<ObservedName, Observable>;
  private readonly clients = new Map<StatsSource, { name: string; elsewhere: ElsewhereCounters }>();
  private readonly observeAll = (result: BatchObservableResult): void => {
    for (const [client, { name, elsewhere }] of this.clients)
      this.observe(result, client.stats(), name, elsewhere);
  };

  constructor(private readonly meter: Meter) {
    const names = Object.keys(OBSERVED) as ObservedName[];
    this.instruments = new Map(names.map((name) => [name, createObservable(meter, name, OBSERVED[name])]));
    meter.addBatchObservableCallback(this.observeAll, [...this.instruments.values()]);
  }

  /** Adds a client. @returns removes it */
  add(client: StatsSource, name: string): () => void {
    if (!this.clients.has(client)) this.clients.set(client, { name, elsewhere: new ElsewhereCounters() });
    return () => this.clients.delete(client);
  }

  stop(): void {
    this.meter.removeBatchObservableCallback(this.observeAll, [...this.instruments.values()]);
    this.clients.clear();
  }

  private observe(
    result: BatchObservableResult,
    stats: ClusterStats,
    name: string,
    elsewhere: ElsewhereCounters,
  ): void {
    const ofClient = { ...SYSTEM_ATTRIBUTES, [ATTRIBUTES.client]: name };
    const report = (readings: readonly Reading[], common: Attributes): void => {
      for (const { metric, value, attributes } of readings)
        result.observe(this.instruments.get(metric)!, value, { ...common, ...attributes });
    };
    report(clientReadings(stats), ofClient);
    report(elsewhere.read(stats), ofClient);
    for (const [node, traffic] of Object.entries(stats.nodes)) {
      const ofNode = { ...ofClient, ...serverOf(node) };
      report(trafficCounters(traffic), ofNode);
      report(trafficGauges(traffic), ofNode);
      report(connectionReadings(`${name}/${node}`, traffic), ofNode);
    }
  }
}

function serverOf(node: string): Attributes {
  const colon = node.lastIndexOf(':');
  return {
    [ATTRIBUTES.serverAddress]: node.slice(0, colon),
    [ATTRIBUTES.serverPort]: Number(node.slice(colon + 1)),
  };
}

function createObservable(meter: Meter, name: string, { kind, unit, description }: Instrument): Observable {
  const options = { unit, description };
  if (kind === 'counter') return meter.createObservableCounter(name, options);
  if (kind === 'gauge') return meter.createObservableGauge(name, options);
  return meter.createObservableUpDownCounter(name, options);
}
