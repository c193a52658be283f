import type { CountsByName } from './cluster-stats.js';

/** The most names that are counted apart: a name may come from a server, or from a script. */
const MAX_NAMES = 100;
/** Where all other names are counted. */
const OTHER = 'OTHER';
/** What looks like an error code. Anything else may hold data: the first word of what a script refused with. */
const CODE = /^[A-Z][A-Z0-9_]{1,31}$/;

/** Counts by name. It is for what is rare: each count is a look-up. */
export class Counts {
  private readonly byName = new Map<string, number>();

  /** Counts a name of this package. */
  add(name: string, count = 1): void {
    const known = this.byName.get(name);
    if (known === undefined && this.byName.size >= MAX_NAMES && name !== OTHER) return this.add(OTHER, count);
    this.byName.set(name, (known ?? 0) + count);
  }

  /** Counts an error by its code. */
  addError(error: Error | undefined): void {
    this.add(shownCode((error as { code?: unknown } | undefined)?.code));
  }

  /** Adds all counts to others. */
  addTo(sums: Counts): void {
    for (const [name, count] of this.byName) sums.add(name, count);
  }

  /** The counts as they are now. */
  snapshot(): CountsByName {
    return Object.fromEntries(this.byName);
  }
}

/** The code of an error as it may be shown: `OTHER` if there is none, or one that may hold data. */
export function shownCode(code: unknown): string {
  return typeof code === 'string' && CODE.test(code) ? code : OTHER;
}
