import { scanWords, type ScanOptions } from './scan-cluster.js';

/** What the walk over one key needs of the client. */
export interface KeyScanSource {
  run(name: string, args: string[]): Promise<unknown>;
  /** The name of the node that owns the key at present. */
  owner(): string | undefined;
}

/**
 * Walks over the elements of one key by HSCAN, SSCAN or ZSCAN, a page at a time. A cursor means something only to the
 * node that gave it, so after a change of the key's owner the walk begins again, and elements may be given twice.
 */
export async function* scanKey(
  source: KeyScanSource,
  command: 'hscan' | 'sscan' | 'zscan',
  key: string,
  options: ScanOptions,
): AsyncGenerator<string[]> {
  const words = scanWords(options);
  let cursor = '0';
  let owner = source.owner();
  for (;;) {
    const [next, elements] = (await source.run(command, [key, cursor, ...words])) as [string, string[]];
    if (elements.length > 0) yield elements;
    if (source.owner() !== owner) {
      owner = source.owner();
      cursor = '0';
    } else if (next === '0') {
      return;
    } else {
      cursor = next;
    }
  }
}
