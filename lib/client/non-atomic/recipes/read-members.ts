import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { readScanPage } from '../../scan/scan-page.js';
import type { Steps } from '../steps.js';

/** The number of members per page, approximately. */
const PAGE = 1_000;

/**
 * Walks over the members of a set, as strings with one character per byte, which compare by content. Members
 * may be returned twice. A cursor is valid only on the node that returned it, so each page is read together
 * with the id of its node. If that changes, the walk starts over.
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
