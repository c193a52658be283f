import type { Command } from './common/command.js';
import { clusterCommand } from './commands/cluster.js';
import { slotCommand } from './commands/slot.js';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [clusterCommand, slotCommand];
