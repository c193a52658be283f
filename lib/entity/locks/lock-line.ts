/** Who waits in this process for one lock, in the order in which they came. */
export class LockLine {
  private readonly lines = new Map<string, (() => void)[]>();

  /** How many there are, with the one whose turn it is. */
  length(key: string): number {
    const line = this.lines.get(key);
    return line ? line.length + 1 : 0;
  }

  /**
   * Waits for the turn.
   *
   * @returns what passes it on; undefined where it did not come before `ended` was called.
   */
  async enter(key: string, ended: Promise<void>): Promise<(() => void) | undefined> {
    const line = this.lines.get(key);
    if (!line) {
      this.lines.set(key, []);
      return () => this.pass(key);
    }
    let take = (): void => {};
    const turn = new Promise<boolean>((resolve) => line.push((take = () => resolve(true))));
    const gaveUp = ended.then(() => false);
    if (await Promise.race([turn, gaveUp])) return () => this.pass(key);
    const place = line.indexOf(take);
    if (place === -1)
      this.pass(key); // it has come in the same moment
    else line.splice(place, 1);
    return undefined;
  }

  private pass(key: string): void {
    const next = this.lines.get(key)?.shift();
    if (next) next();
    else this.lines.delete(key);
  }
}
