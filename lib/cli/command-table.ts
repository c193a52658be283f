import type { Command } from './common/command.js';
import { benchCommand } from './commands/bench.js';
import { checkCommand } from './commands/check.js';
import { clusterCommand } from './commands/cluster.js';
import { keysCommand } from './commands/keys.js';
import { rowCommand } from './commands/row.js';
import { slotCommand } from './commands/slot.js';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  clusterCommand,
  checkCommand,
  slotCommand,
  keysCommand,
  rowCommand,
  benchCommand,
];
