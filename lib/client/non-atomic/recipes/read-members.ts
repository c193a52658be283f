import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { readScanPage } from '../../scan/scan-page.js';
import type { Steps } from '../steps.js';

/** Members that a page looks at, about. */
const PAGE = 1_000;

/**
 * Walks over the members of a set, as strings of one character a byte, which compare by content; members may be
 * given twice. A cursor means something only to the node that gave it, so each page comes with the id of its node,
 * and where that changes the walk begins again.
 */
export async function* readMembers(steps: Steps, key: Argument): AsyncGenerator<string[], void, undefined> {
  let cursor = '0';
  let node: string | undefined;
  for (;;) {
    const [page, id] = await steps.atomically<unknown>([
      ['sscan', key, cursor, 'COUNT', PAGE],
      ['cluster', 'MYID'],
    ]);
    const [next, members] = readScanPage<Buffer>(page);
    yield members.map((member) => member.toString('latin1'));
    const begun = cursor !== '0';
    if (begun && String(id) !== node) {
      cursor = '0';
    } else {
      cursor = String(next);
      if (cursor === '0') return;
    }
    node = String(id);
  }
}
