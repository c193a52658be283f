import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type Histogram,
} from '@opentelemetry/sdk-metrics';

/** A value of a metric, as an exporter gets it. */
export interface MetricValue {
  readonly unit: string;
  readonly value: number | Histogram;
  readonly attributes: Attributes;
}

/** The official SDK, whose exporter keeps the metrics in memory. */
export class RecordedMetrics {
  private readonly exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly provider = new MeterProvider({
    // collected when a test asks for it
    readers: [new PeriodicExportingMetricReader({ exporter: this.exporter, exportIntervalMillis: 2 ** 30 })],
  });

  /** Collects, and returns the values of each metric by its name. */
  async collect(): Promise<ReadonlyMap<string, MetricValue[]>> {
    this.exporter.reset();
    await this.provider.forceFlush();
    const [{ scopeMetrics }] = this.exporter.getMetrics();
    const metrics = scopeMetrics
      .filter(({ scope }) => scope.name === 'keyslot')
      .flatMap((scope) => scope.metrics);
    return new Map(
      metrics.map(({ descriptor: { name, unit }, dataPoints }) => [
        name,
        dataPoints.map(({ value, attributes }) => ({ unit, value: value as number | Histogram, attributes })),
      ]),
    );
  }

  /** The sum of a metric's values with these attributes. */
  async sum(name: string, attributes: Attributes = {}): Promise<number> {
    const values = (await this.collect()).get(name) ?? [];
    return values
      .filter((one) => Object.entries(attributes).every(([key, value]) => one.attributes[key] === value))
      .reduce((total, { value }) => total + (typeof value === 'number' ? value : value.count), 0);
  }
}
