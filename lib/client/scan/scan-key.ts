import { scanWords, type ScanOptions } from './scan-cluster.js';
import { readScanPage } from './scan-page.js';

/** Commands that walk over the elements of a key. */
export type KeyScanCommand = 'hscan' | 'sscan' | 'zscan';

/** Runs a command, and tells which node answered it. */
export type RunTelling = (
  name: string,
  args: (string | Buffer)[],
) => Promise<{ reply: unknown; node: string }>;

/**
 * Walks over the elements of one key by HSCAN, SSCAN or ZSCAN, a page at a time. A cursor means something only to the
 * node that gave it, so where another node answers the walk begins again, and elements may be given twice.
 */
export async function* scanKey<T extends string | Buffer>(
  run: RunTelling,
  command: KeyScanCommand,
  key: string | Buffer,
  options: ScanOptions,
): AsyncGenerator<T[], void, undefined> {
  const words = scanWords(options);
  let cursor = '0';
  let giver: string | undefined;
  for (;;) {
    const { reply, node } = await run(command, [key, cursor, ...words]);
    const [next, elements] = readScanPage<T>(reply);
    if (elements.length > 0) yield elements;
    // the first page may come from anywhere, the others from the node that gave the cursor
    const strange = cursor !== '0' && node !== giver;
    giver = node;
    cursor = strange ? '0' : String(next);
    if (cursor === '0' && !strange) return;
  }
}
