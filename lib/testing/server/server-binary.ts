import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LocalClusterError } from '../common/local-cluster-error.js';

/** A server program and the arguments that come before its own. */
export interface ServerBinary {
  readonly command: string;
  readonly args: readonly string[];
}

const PROGRAMS = ['redis-server', 'valkey-server'];

/**
 * Finds the server: the given one, else the environment variable `KEYSLOT_REDIS_SERVER`, else `redis-server`
 * or `valkey-server` on the PATH. What is given may be a file, a name on the PATH, or a command line with
 * spaces (a loader with its arguments, say).
 * @throws LocalClusterError `SERVER_NOT_FOUND`
 */
export function findServerBinary(given = process.env.KEYSLOT_REDIS_SERVER): ServerBinary {
  if (given === undefined || given.trim() === '') {
    const command = PROGRAMS.map(onPath).find((file) => file !== undefined);
    if (command !== undefined) return { command, args: [] };
    throw new LocalClusterError(
      'SERVER_NOT_FOUND',
      'No redis-server or valkey-server on the PATH. Install one (Debian, Ubuntu: apt-get install redis-server; ' +
        'macOS: brew install redis; Windows: in WSL), or name it in KEYSLOT_REDIS_SERVER.',
    );
  }
  const whole = resolve(given);
  if (whole !== undefined) return { command: whole, args: [] };
  const [first, ...args] = given.trim().split(/\s+/);
  const command = args.length > 0 ? resolve(first) : undefined;
  if (command !== undefined) return { command, args };
  throw new LocalClusterError(
    'SERVER_NOT_FOUND',
    `No program at ${given}, which KEYSLOT_REDIS_SERVER or the option binary names`,
  );
}

function resolve(program: string): string | undefined {
  return program.includes('/') ? (isProgram(program) ? program : undefined) : onPath(program);
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
