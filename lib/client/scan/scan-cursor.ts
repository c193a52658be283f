import { InvalidArgumentError } from '../../cluster/common/errors.js';
import { keySlot } from '../../cluster/topology/key-slot.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { NodeWalk, ScanPosition } from './cluster-scan-page.js';
import { SlotSet } from './slot-set.js';

/** The cursor before the first page and after the last one, as in Redis. */
const ENDS = '0';
/** The start of every other cursor. The number is the version of the format. */
const MARK = 'k1';

const DIGITS = /^\d{1,20}$/;
const NODE_ID = /^[0-9a-f]{40}$/;

/** Returns the cursor at which the walk continues. It holds everything; the client keeps no state. */
export function writeCursor(position: ScanPosition | undefined): string {
  if (position === undefined) return ENDS;
  const { left, walk } = position;
  const parts = [MARK, left];
  if (walk !== undefined) parts.push(walk.node, walk.epoch, walk.cursor, walk.owned, walk.given);
  if (walk?.giver !== undefined) parts.push(walk.giver.node, walk.giver.epoch);
  const body = parts.join('.');
  return `${body}.${checkSum(body)}`;
}

/** Reads a cursor. @throws InvalidArgumentError unless it is a cursor of a walk over the cluster */
export function readCursor(given: Argument | undefined): ScanPosition {
  const text = given === undefined ? '' : String(given);
  if (text === ENDS) return { left: SlotSet.all() };
  const end = text.lastIndexOf('.');
  const body = text.slice(0, Math.max(end, 0));
  const [mark, slots, ...walk] = body.split('.');
  const fits = mark === MARK && slots !== undefined && text.slice(end + 1) === checkSum(body);
  const left = fits ? SlotSet.parse(slots) : undefined;
  if (left === undefined) throw notACursor();
  return walk.length === 0 ? { left } : { left, walk: readWalk(walk) };
}

function readWalk([node, epoch, cursor, ownedText, givenText, ...giver]: string[]): NodeWalk {
  const fits = isNode([node, epoch]) && DIGITS.test(cursor) && givenText !== undefined;
  const owned = fits ? SlotSet.parse(ownedText) : undefined;
  const given = fits ? SlotSet.parse(givenText) : undefined;
  if (owned === undefined || given === undefined) throw notACursor();
  const walk = { node, epoch, cursor, owned, given };
  if (giver.length === 0) return walk;
  if (giver.length !== 2 || !isNode(giver)) throw notACursor();
  return { ...walk, giver: { node: giver[0], epoch: giver[1] } };
}

/** Detects a cursor that was truncated or extended. */
const checkSum = (body: string): string => String(keySlot(body));

const isNode = ([id, epoch]: string[]): boolean => NODE_ID.test(id) && DIGITS.test(epoch);

function notACursor(): InvalidArgumentError {
  return new InvalidArgumentError(
    'cursor',
    "The cursor of scan() must be '0' or one that an earlier scan() of this client returned. " +
      'Pass the cursor of a single node to target(node).scan().',
  );
}
