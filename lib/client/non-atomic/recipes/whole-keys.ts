import { createHash } from 'node:crypto';
import {
  InvalidArgumentError,
  ReplyError,
  TransactionConflictError,
} from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { Script } from '../../../cluster/scripts/script.js';
import { MOVE_ATTEMPTS, MoveClaim, pauseAfter, withdrawClaims } from './move-claim.js';
import type { Recipe } from '../recipe.js';
import type { Steps } from '../steps.js';

/** A key at one moment: its serialized value, and when it expires (Unix time in ms, 0 for never). */
interface Snapshot {
  readonly dump: Buffer;
  readonly expiresAt: number;
}

/**
 * Deletes a key under a claim, if it is still what was copied. What another client wrote to it meanwhile, or
 * another move put there, must not be deleted.
 */
const DELETE_UNCHANGED = new Script(`
local dump = redis.call('DUMP', KEYS[1])
if not dump then return 1 end
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
if redis.sha1hex(dump) ~= ARGV[1] then return 0 end
if math.max(redis.call('PEXPIRETIME', KEYS[1]), 0) ~= tonumber(ARGV[2]) then return 0 end
redis.call('UNLINK', KEYS[2])
return redis.call('UNLINK', KEYS[1])`);

/** Copies the key, replacing the destination, and deletes the source last. Copies again if the source was changed. */
export const rename: Recipe = async (steps, [source, destination]) => {
  const claim = new MoveClaim(steps, source);
  let snapshot = await readToMove(steps, source, claim);
  if (snapshot === undefined) throw new ReplyError('ERR no such key');
  await restore(steps, destination, snapshot, ['REPLACE']);
  return steps.afterwards('RENAME', 'the value is at both keys', true, async () => {
    for (let attempt = 1; attempt <= MOVE_ATTEMPTS; attempt++) {
      if (await deleteUnchanged(steps, source, snapshot!, claim)) return 'OK';
      await pauseAfter(attempt);
      snapshot = await readToMove(steps, source, claim);
      if (snapshot === undefined) return 'OK';
      await restore(steps, destination, snapshot, ['REPLACE']);
    }
    throw new TransactionConflictError(MOVE_ATTEMPTS);
  });
};

/** Copies the key if there is no destination, and deletes the source last. */
export const renamenx: Recipe = async (steps, [source, destination]) => {
  const claim = new MoveClaim(steps, source);
  const snapshot = await readToMove(steps, source, claim);
  if (snapshot === undefined) throw new ReplyError('ERR no such key');
  if (!(await restoreNew(steps, destination, snapshot))) {
    await claim.release();
    return 0;
  }
  return steps.afterwards('RENAMENX', 'the value is at both keys', false, async () => {
    if (await deleteUnchanged(steps, source, snapshot, claim)) return 1;
    // copying again would replace the destination, which other clients may have changed by now
    throw new TransactionConflictError(1);
  });
};

/** Copies the key with a single write. */
export const copy: Recipe = async (steps, [source, destination, ...options]) => {
  const replace = replaces(options);
  const snapshot = await read(steps, source);
  if (snapshot === undefined) return 0;
  if (!replace) return (await restoreNew(steps, destination, snapshot)) ? 1 : 0;
  await restore(steps, destination, snapshot, ['REPLACE']);
  return 1;
};

async function read(steps: Steps, key: Argument): Promise<Snapshot | undefined> {
  return snapshotOf(
    await steps.atomically([
      ['dump', key],
      ['pexpiretime', key],
    ]),
  );
}

/** Reads a key and claims it; the claim is made first. */
async function readToMove(steps: Steps, key: Argument, claim: MoveClaim): Promise<Snapshot | undefined> {
  const [, snapshot] = await Promise.all([steps.call(...claim.step), read(steps, key)]);
  if (snapshot === undefined) await claim.release();
  return snapshot;
}

function snapshotOf([dump, expiresAt]: readonly unknown[]): Snapshot | undefined {
  return Buffer.isBuffer(dump) ? { dump, expiresAt: Math.max(Number(expiresAt), 0) } : undefined;
}

function restore(
  steps: Steps,
  key: Argument,
  { dump, expiresAt }: Snapshot,
  options: string[],
): Promise<unknown> {
  return steps.together([
    withdrawClaims(steps, key),
    ['restore', key, expiresAt, dump, ...options, 'ABSTTL'],
  ]);
}

/** Restores a key. Returns false if it exists. */
async function restoreNew(steps: Steps, key: Argument, snapshot: Snapshot): Promise<boolean> {
  try {
    await restore(steps, key, snapshot, []);
    return true;
  } catch (error) {
    if (error instanceof ReplyError && error.code === 'BUSYKEY') return false;
    throw error;
  }
}

/** Deletes the source. Returns true once it is gone, false if it is no longer what was copied. */
async function deleteUnchanged(
  steps: Steps,
  key: Argument,
  { dump, expiresAt }: Snapshot,
  claim: MoveClaim,
): Promise<boolean> {
  const digest = createHash('sha1').update(dump).digest('hex');
  return (await steps.script(DELETE_UNCHANGED, [key, claim.key], [digest, expiresAt, claim.token])) === 1;
}

/** Reads the options of COPY. */
function replaces(options: readonly Argument[]): boolean {
  let replace = false;
  for (let i = 0; i < options.length; i++) {
    const option = String(options[i]).toUpperCase();
    if (option === 'REPLACE') replace = true;
    else if (option !== 'DB') throw new ReplyError('ERR syntax error');
    else if (String(options[++i]) !== '0') {
      throw new InvalidArgumentError('destinationDb', 'A cluster has a single database, number 0');
    }
  }
  return replace;
}
