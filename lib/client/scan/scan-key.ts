import { scanWords, type ScanOptions } from './scan-cluster.js';
import { readScanPage } from './scan-page.js';

/** Commands that walk over the elements of a key. */
export type KeyScanCommand = 'hscan' | 'sscan' | 'zscan';

/** Runs a command, and returns the reply with the node that sent it. */
export type RunWithNode = (
  name: string,
  args: (string | Buffer)[],
) => Promise<{ reply: unknown; node: string }>;

/**
 * Walks over the elements of one key with HSCAN, SSCAN or ZSCAN, page by page. A cursor is valid only on the
 * node that returned it. If another node replies, the walk starts over, and elements may be returned twice.
 */
export async function* scanKey<T extends string | Buffer>(
  run: RunWithNode,
  command: KeyScanCommand,
  key: string | Buffer,
  options: ScanOptions,
): AsyncGenerator<T[], void, undefined> {
  const words = scanWords(options);
  let cursor = '0';
  let cursorNode: string | undefined;
  for (;;) {
    const { reply, node } = await run(command, [key, cursor, ...words]);
    const [next, elements] = readScanPage<T>(reply);
    if (elements.length > 0) yield elements;
    // the first page may come from any node, later ones only from the node that returned the cursor
    const isOtherNode = cursor !== '0' && node !== cursorNode;
    cursorNode = node;
    cursor = isOtherNode ? '0' : String(next);
    if (cursor === '0' && !isOtherNode) return;
  }
}
