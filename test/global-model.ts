import type { GlobalEntry } from '../lib/entity/keys/global-entry.js';
import type { GlobalOutcome } from '../lib/entity/global/global-protocol.js';
import type { Hold, Released } from '../lib/entity/operations/row-operation.js';
import type { Entered, EntryFate, GlobalSteps } from '../lib/entity/global/global-steps.js';

interface ModelRow {
  /** What it holds, by the name of the index. */
  readonly holds: Map<string, { token: string; entry: GlobalEntry }>;
  /** The token of its last write; a server remembers five. */
  operation: string;
}

/** What a commit does to a row of the model. */
export interface ModelWrite {
  readonly row: string;
  /** The names of the indexes that it changes, and the entry, if any, that it is to have there. */
  readonly entries: ReadonlyMap<string, GlobalEntry | undefined>;
  readonly isDelete: boolean;
}

/** A cluster in memory, as far as the protocol of global indexes and uniques is concerned: each method is one script. */
export class ModelCluster {
  readonly rows = new Map<string, ModelRow>();
  /** Uniques and indexes by their place: of a unique the value, of an index the value, the row and the token. */
  readonly entries = new Map<string, { token: string; entry: GlobalEntry }>();
  private readonly fenced = new Set<string>();

  enter(entry: GlobalEntry, token: string): { token: string; entry: GlobalEntry } | undefined {
    const place = placeOf(entry, token);
    const there = this.entries.get(place);
    if (there && (there.token !== token || there.entry.key.row !== entry.key.row)) return there;
    this.entries.set(place, { token, entry });
    return undefined;
  }

  resolve(entry: GlobalEntry, token: string, fence: boolean): EntryFate {
    const hold = this.rows.get(entry.key.row)?.holds.get(entry.index.name);
    if (hold?.token === token && hold.entry.encodings === entry.encodings) return 'held';
    if (fence) this.fence(token);
    return fence || this.isFenced(token) ? 'dead' : 'open';
  }

  remove(entry: GlobalEntry, token: string): void {
    const place = placeOf(entry, token);
    if (this.entries.get(place)?.token === token) this.entries.delete(place);
  }

  commit({ row, entries, isDelete }: ModelWrite, holds: readonly Hold[], operation: string): GlobalOutcome {
    const known = this.rows.get(row);
    if (known?.operation === operation) return {};
    const wanted = [...entries.values()].filter((entry) => entry !== undefined);
    for (const [i, { index, encodings }] of wanted.entries()) {
      const { how, token } = holds[i];
      const held = known?.holds.get(index.name);
      const isHeld = held?.token === token && held.entry.encodings === encodings;
      if (how === '=' && !this.isStillHeld(isHeld)) return { fault: 'HOLD' };
      if (how === '+' && this.isFenced(token)) return { fault: 'HOLD' };
    }
    const now: ModelRow = known ?? { holds: new Map(), operation };
    const released: Released[] = [];
    for (const [name, entry] of entries) {
      const before = now.holds.get(name);
      const hold = entry && holds[wanted.indexOf(entry)];
      if (before && before.token !== hold?.token) {
        this.fenceReleased(before.token);
        released.push(before);
      }
      if (entry) now.holds.set(name, { token: hold!.token, entry });
      else now.holds.delete(name);
    }
    now.operation = operation;
    if (isDelete) this.rows.delete(row);
    else this.rows.set(row, now);
    return { released };
  }

  // The rules, each by itself, for a test to break.

  protected fence(token: string): void {
    this.fenced.add(token);
  }

  protected fenceReleased(token: string): void {
    this.fenced.add(token);
  }

  protected isFenced(token: string): boolean {
    return this.fenced.has(token);
  }

  protected isStillHeld(isHeld: boolean): boolean {
    return isHeld;
  }

  /** What must be so after each step. */
  faults(): string[] {
    const faults: string[] = [];
    const owners = new Map<string, string>();
    for (const [row, { holds }] of this.rows)
      for (const { token, entry } of holds.values()) {
        const place = placeOf(entry, token);
        const there = this.entries.get(place);
        if (there?.token !== token || there.entry.key.row !== row) faults.push(`${row} is not at ${place}`);
        if (entry.index.kind === 'unique' && owners.has(place))
          faults.push(`${row} and ${owners.get(place)} both hold ${place}`);
        owners.set(place, row);
      }
    return faults;
  }
}

const placeOf = ({ index, key, encodings }: GlobalEntry, token: string): string =>
  index.kind === 'unique' ? `${index.name} ${encodings}` : `${index.name} ${encodings} ${key.row} ${token}`;

/** Makes one step, now or later; what it is told may be lost, and the step made once more at any time. */
export type MakeStep = <T>(make: () => T) => Promise<T>;

/** The steps of the protocol in a model. */
export class ModelSteps implements GlobalSteps {
  private static tokens = 0;
  private pauses = 0;

  /** @param patience how often an entry that is met is young; after that it is old. */
  constructor(
    private readonly cluster: ModelCluster,
    private readonly make: MakeStep,
    private readonly patience: number,
    private readonly afterwards: (work: () => Promise<void>) => void,
  ) {}

  newToken(): string {
    return `t${++ModelSteps.tokens}`;
  }

  async enter(entry: GlobalEntry, token: string): Promise<Entered> {
    const there = await this.make(() => this.cluster.enter(entry, token));
    if (!there) return { at: 0 };
    const ageMs = this.pauses < this.patience ? 0 : Infinity;
    return { at: 0, claimant: { key: there.entry.key, token: there.token, ageMs } };
  }

  resolve(entry: GlobalEntry, token: string, fence: boolean): Promise<EntryFate> {
    return this.make(() => this.cluster.resolve(entry, token, fence));
  }

  remove(entry: GlobalEntry, token: string): Promise<void> {
    return this.make(() => this.cluster.remove(entry, token));
  }

  async pause(): Promise<void> {
    this.pauses++;
    await this.make(() => undefined);
  }

  later(work: (steps: GlobalSteps) => Promise<void>): void {
    this.afterwards(() => work(this));
  }
}
