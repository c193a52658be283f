import type { NON_ATOMIC_COMMANDS } from '../../cluster/command-table/non-atomic-commands.js';
import type { Argument } from '../../cluster/protocol/request-encoder.js';
import { lmove, rpoplpush } from './recipes/list-moves.js';
import { overCopies } from './recipes/over-copies.js';
import type { Recipe } from './recipe.js';
import { sdiff, sdiffstore, sinter, sinterstore, sunion, sunionstore } from './recipes/set-algebra.js';
import { smove } from './recipes/set-move.js';
import { refuseForeignPatterns, sort } from './recipes/sort.js';
import type { Steps } from './steps.js';
import { mget, mset, msetnx } from './recipes/strings.js';
import { copy, rename, renamenx } from './recipes/whole-keys.js';

/** The commands that work over several slots, and how each is executed there. */
export const recipes = {
  mget,
  mset,
  msetnx,
  rename,
  renamenx,
  copy,
  smove,
  rpoplpush,
  lmove,
  sdiff,
  sinter,
  sunion,
  sdiffstore,
  sinterstore,
  sunionstore,
  zunionstore: overCopies('zunionstore'),
  zinterstore: overCopies('zinterstore'),
  pfcount: overCopies('pfcount'),
  pfmerge: overCopies('pfmerge'),
  bitop: overCopies('bitop'),
  sort,
} as const satisfies Record<NonAtomicCommand, Recipe>;

/** A command that works over several slots. */
export type NonAtomicCommand = (typeof NON_ATOMIC_COMMANDS)[number];

/** Arguments that are rejected no matter where the keys are. */
export const refusals: Partial<Record<NonAtomicCommand, (steps: Steps, args: readonly Argument[]) => void>> =
  {
    sort: refuseForeignPatterns,
  };
