import type { LinkKind } from '../subscriptions/subscription-kind.js';

/** What the table needs of a link. */
interface LinkPlace {
  readonly kind: LinkKind;
  readonly node: { readonly name: string };
}

/** The links to all nodes: one of each kind per node. A lookup creates no string, as there may be one per channel. */
export class LinkTable<L extends LinkPlace> {
  private readonly byKind: Readonly<Record<LinkKind, Map<string, L>>> = {
    classic: new Map(),
    sharded: new Map(),
    keyspace: new Map(),
  };

  get(kind: LinkKind, name: string): L | undefined {
    return this.byKind[kind].get(name);
  }

  add(link: L): void {
    this.byKind[link.kind].set(link.node.name, link);
  }

  delete({ kind, node }: LinkPlace): void {
    this.byKind[kind].delete(node.name);
  }

  *values(): Iterable<L> {
    for (const links of Object.values(this.byKind)) yield* links.values();
  }

  /** Removes all links, and returns them. */
  takeAll(): L[] {
    const all = [...this.values()];
    for (const links of Object.values(this.byKind)) links.clear();
    return all;
  }
}
