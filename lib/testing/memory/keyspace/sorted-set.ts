/** A member of a sorted set, with its score. */
export interface ScoredMember {
  readonly member: string;
  readonly score: number;
}

/** A sorted set: its members by score, and those of equal scores by their bytes. */
export class SortedSet {
  /** All members in order. */
  readonly entries: ScoredMember[] = [];
  private readonly scores = new Map<string, number>();

  get length(): number {
    return this.entries.length;
  }

  /** Returns the score of a member; undefined if it is no member. */
  score(member: string): number | undefined {
    return this.scores.get(member);
  }

  /** Adds a member, or changes its score. */
  add(member: string, score: number): void {
    if (this.scores.get(member) === score) return;
    this.delete(member);
    this.scores.set(member, score);
    this.entries.splice(this.placeOf(member, score), 0, { member, score });
  }

  /** Removes a member. Returns whether it was one. */
  delete(member: string): boolean {
    const score = this.scores.get(member);
    if (score === undefined) return false;
    this.scores.delete(member);
    this.entries.splice(this.placeOf(member, score), 1);
    return true;
  }

  /** Returns the place of a member in the order, from 0; undefined if it is no member. */
  rank(member: string): number | undefined {
    const score = this.scores.get(member);
    return score === undefined ? undefined : this.placeOf(member, score);
  }

  /** Returns the place of the first entry of which the test is true. The test is false before it, and true after it. */
  firstWhere(test: (entry: ScoredMember) => boolean): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (test(this.entries[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  copy(): SortedSet {
    const copy = new SortedSet();
    copy.entries.push(...this.entries);
    for (const [member, score] of this.scores) copy.scores.set(member, score);
    return copy;
  }

  private placeOf(member: string, score: number): number {
    return this.firstWhere(
      (entry) => entry.score > score || (entry.score === score && entry.member >= member),
    );
  }
}
