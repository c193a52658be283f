import { setTimeout as delay } from 'node:timers/promises';
import { createRepositories, type ClusterClient } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import { readPartition, type PartitionTruth } from '../halls/partition-truth.js';
import { SUM, Sum, Till, TILL_CLASSES, TILL_FORM } from './model.js';
import { TillBooks, type TillVerdict } from './till-books.js';

const PATIENCE_MS = 180_000;
let series = 0;

/** A till, and the books of those who work on it. */
export class OpenTill {
  readonly id = `till${process.pid}x${series++}`;
  readonly books = new TillBooks();

  private constructor(private readonly cluster: LocalCluster) {}

  static async open(cluster: LocalCluster, client: ClusterClient): Promise<OpenTill> {
    const till = new OpenTill(cluster);
    const registry = createRepositories(client, TILL_CLASSES);
    const [tills, sums] = [registry.repository(Till), registry.repository(Sum)];
    await tills.insert(tills.create({ id: till.id }));
    await sums.insert(sums.create({ tillId: till.id, id: SUM }));
    return till;
  }

  /** The partition as it is stored. */
  read(): Promise<PartitionTruth> {
    return readPartition(this.cluster, TILL_FORM, this.id);
  }

  /** Waits until the followers, which must be running, have counted all receipts. Nobody may save any more. */
  async untilCounted(): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await delay(100)) {
      const { rows } = await this.read();
      if (Number(rows.Sum.get(SUM)?.receipts ?? 0) >= rows.Receipt.size) return;
    }
  }

  async judge(): Promise<TillVerdict> {
    return this.books.judge(await this.read());
  }
}
