import type { Attributes } from '@opentelemetry/api';

/** Nodes come and go for as long as the process runs. */
const MAX_ENTRIES = 1_024;

/** Keeps attributes that many operations share: to build them costs more than the rest of a span. */
export class AttributeCache {
  private readonly entries = new Map<string, Attributes>();

  /** Returns the attributes of a name, which the function creates the first time. They must not be changed. */
  get(name: string, create: () => Attributes): Attributes {
    let attributes = this.entries.get(name);
    if (attributes === undefined) {
      if (this.entries.size === MAX_ENTRIES) this.entries.clear();
      this.entries.set(name, (attributes = create()));
    }
    return attributes;
  }
}
