import type { CommandSet } from '../command-parts/command.js';
import { HASH_COMMANDS } from './hash-commands.js';
import { KEY_COMMANDS } from './key-commands.js';
import { LIST_COMMANDS } from './list-commands.js';
import { SET_COMMANDS } from './set-commands.js';
import { SORTED_SET_COMMANDS } from './sorted-set-commands.js';
import { SORTED_SET_RANGES } from './sorted-set-ranges.js';
import { STREAM_COMMANDS } from './stream-commands.js';
import { STRING_COMMANDS } from './string-commands.js';

/** All commands of the store in memory that work on keys. */
export const DATA_COMMANDS: CommandSet = {
  ...KEY_COMMANDS,
  ...STRING_COMMANDS,
  ...HASH_COMMANDS,
  ...SET_COMMANDS,
  ...LIST_COMMANDS,
  ...SORTED_SET_COMMANDS,
  ...SORTED_SET_RANGES,
  ...STREAM_COMMANDS,
};
