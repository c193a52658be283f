import { CommandError } from './reply.js';

/** Returns the error for a command that only servers have. */
export const notInMemory = (command: string): CommandError =>
  new CommandError(
    `NOTINMEMORY The store in memory has no command ${command.toUpperCase()}. Run this test on a LocalCluster`,
  );
