import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { processIdentity } from './process-identity.js';

/** The process that uses a folder. */
interface Owner {
  readonly pid: number;
  readonly identity: string;
}

/** A folder that no other process uses. */
export interface FolderLock {
  /** Whether the last process ended without giving it up. Its servers may still be ending. */
  readonly wasAbandoned: boolean;
  release(): void;
}

/**
 * Takes a lock file. The lock of a process that has ended, however it ended, does not count.
 * @throws LocalClusterError `ALREADY_RUNNING` if another process has it
 */
export function lockFolder(folder: string, file: string): FolderLock {
  let wasAbandoned = false;
  for (;;) {
    if (tryToLock(file)) return { wasAbandoned, release: () => rmSync(file, { force: true }) };
    const owner = readOwner(file);
    if (owner !== undefined && processIdentity(owner.pid) === owner.identity) {
      throw new LocalClusterError(
        'ALREADY_RUNNING',
        `The cluster in ${folder} runs already, started by process ${owner.pid}; end that one first, or name ` +
          'another folder and other ports',
      );
    }
    rmSync(file, { force: true });
    wasAbandoned = true;
  }
}

function tryToLock(file: string): boolean {
  let opened: number;
  try {
    opened = openSync(file, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  const owner: Owner = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  writeSync(opened, JSON.stringify(owner));
  closeSync(opened);
  return true;
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined; // given up meanwhile, or its process died while it wrote
  }
}
