import { Keyspace } from '../../../lib/testing/memory/keyspace/keyspace.js';
import { copyOf, type StoredValue } from '../../../lib/testing/memory/keyspace/stored-value.js';

/** The new value of a key, for replicas. */
export interface Change {
  readonly key: string;
  /** `undefined` if the key was deleted. */
  readonly value: StoredValue | undefined;
  readonly expiresAt: number | undefined;
}

/** Keys that remember which of them have changed. */
export class RecordedKeyspace extends Keyspace {
  private readonly changed = new Set<string>();

  override touch(key: string): void {
    super.touch(key);
    this.changed.add(key);
  }

  /** Returns what has changed since the last call: what a replica has to apply in one step. */
  takeChanges(): Change[] {
    if (this.changed.size === 0) return [];
    const keys = [...this.changed];
    this.changed.clear();
    return keys.map((key) => this.stateOf(key));
  }

  /** Returns all keys with their values. */
  contents(): Change[] {
    return this.keys().map((key) => this.stateOf(key));
  }

  /** Gives keys their new values. */
  apply(changes: readonly Change[]): void {
    for (const { key, value, expiresAt } of changes) {
      this.delete(key);
      if (value !== undefined) this.set(key, copyOf(value));
      if (value !== undefined) this.expire(key, expiresAt);
      super.touch(key);
    }
  }

  /** Replaces all keys. */
  replaceBy(contents: readonly Change[]): void {
    this.clear();
    this.apply(contents);
    this.changed.clear();
  }

  private stateOf(key: string): Change {
    const value = this.get(key);
    return { key, value: value === undefined ? undefined : copyOf(value), expiresAt: this.expiryOf(key) };
  }
}
