/** A hash: values by their fields, in the order of insertion. All text is bytes, one character each. */
export class Hash extends Map<string, string> {
  /** When fields expire, in milliseconds since 1970; absent until one does. */
  private deadlines: Map<string, number> | undefined = undefined;

  /** Replaces the value of a field. Its expiry ends. */
  override set(field: string, value: string): this {
    this.deadlines?.delete(field);
    return super.set(field, value);
  }

  /** Changes the value of a field. Its expiry stays as it is. */
  change(field: string, value: string): void {
    super.set(field, value);
  }

  override delete(field: string): boolean {
    this.deadlines?.delete(field);
    return super.delete(field);
  }

  /** Sets when an existing field expires; undefined for never. */
  expire(field: string, at: number | undefined): void {
    if (at === undefined) this.deadlines?.delete(field);
    else (this.deadlines ??= new Map()).set(field, at);
  }

  /** Returns when a field expires; undefined for never. */
  expiryOf(field: string): number | undefined {
    return this.deadlines?.get(field);
  }

  /** Deletes the fields whose time has passed. Returns whether there were any. */
  dropPast(now: number): boolean {
    const { size } = this;
    for (const [field, at] of this.deadlines ?? []) if (at <= now) this.delete(field);
    return this.size < size;
  }

  copy(): Hash {
    const copied = new Hash();
    for (const [field, value] of this) copied.set(field, value);
    for (const [field, at] of this.deadlines ?? []) copied.expire(field, at);
    return copied;
  }
}
