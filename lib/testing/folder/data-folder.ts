import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { lockFolder, type FolderLock } from './folder-lock.js';
import { parseHeldCluster, type HeldCluster } from './held-cluster.js';

const RECORD = 'keyslot-cluster.json';
const LOCK = 'keyslot-cluster.lock';
/** Files that an empty folder may have. */
const IGNORED: ReadonlySet<string> = new Set(['.gitignore', '.gitkeep', '.DS_Store', LOCK]);
const MOST_NAMED = 3;

/** The folder with the data of a local cluster: a temporary one, or one that is kept. */
export class DataFolder {
  private constructor(
    /** The path, without symbolic links, as the system names it when it is asked where a process works. */
    readonly path: string,
    /** Held if the folder is kept. */
    private readonly lock: FolderLock | undefined,
    /** The cluster that the folder holds. */
    private held: HeldCluster | undefined,
  ) {}

  /** Creates a temporary folder. */
  static temporary(): DataFolder {
    return new DataFolder(realpathSync(mkdtempSync(join(tmpdir(), 'keyslot-'))), undefined, undefined);
  }

  /**
   * Opens a folder that is kept, and creates it if it does not exist. No other process can open it until it is released.
   * @throws LocalClusterError `FOLDER_UNUSABLE` if it holds anything else, or cannot be written; `ALREADY_RUNNING`
   */
  static async keep(given: string): Promise<DataFolder> {
    const { path, lock } = openFolder(resolve(given));
    try {
      const folder = new DataFolder(path, lock, heldIn(path));
      if (!folder.hasCluster) await folder.clear();
      return folder;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get isKept(): boolean {
    return this.lock !== undefined;
  }

  /** Whether servers of a process that was killed may still be ending. */
  get wasAbandoned(): boolean {
    return this.lock?.wasAbandoned === true;
  }

  /** Whether a cluster was formed here, now or by an earlier process. */
  get hasCluster(): boolean {
    return this.held?.formed === true;
  }

  /** The cluster that was formed here. */
  get cluster(): HeldCluster | undefined {
    return this.hasCluster ? this.held : undefined;
  }

  /** Records in a kept folder which cluster it holds. */
  record(held: HeldCluster): void {
    if (!this.isKept) return;
    if (this.held === undefined && !existsSync(join(this.path, '.gitignore')))
      writeFileSync(join(this.path, '.gitignore'), '*\n');
    this.held = held;
    const file = join(this.path, RECORD);
    writeFileSync(`${file}.part`, `${JSON.stringify(held, undefined, 2)}\n`);
    renameSync(`${file}.part`, file); // whole, or not there
  }

  /** Lets others use a kept folder; deletes a temporary one. Its servers have ended. */
  async release(): Promise<void> {
    if (!this.isKept) await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
    else if (!this.hasCluster) await this.clear();
    this.lock?.release();
  }

  /** Deletes what a start has left that did not get as far as a cluster. */
  private async clear(): Promise<void> {
    if (this.held === undefined) return;
    const nodes = readdirSync(this.path).filter((name) => /^\d+$/.test(name));
    for (const name of [...nodes, RECORD])
      await rm(join(this.path, name), { recursive: true, force: true, maxRetries: 5 });
    this.held = undefined;
  }
}

function openFolder(given: string): { path: string; lock: FolderLock } {
  try {
    mkdirSync(given, { recursive: true, mode: 0o700 });
    const path = realpathSync(given);
    return { path, lock: lockFolder(path, join(path, LOCK)) };
  } catch (cause) {
    if (cause instanceof LocalClusterError) throw cause;
    const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'it cannot be used';
    throw new LocalClusterError('FOLDER_UNUSABLE', `The folder ${given} cannot hold a cluster: ${reason}`, {
      cause,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file',
  ENOTDIR: 'a part of its path is a file',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

function heldIn(folder: string): HeldCluster | undefined {
  const record = join(folder, RECORD);
  if (existsSync(record)) {
    const held = parseHeldCluster(readFileSync(record, 'utf8'));
    if (held !== undefined) return held;
    throw new LocalClusterError(
      'FOLDER_UNUSABLE',
      `The folder ${folder} has a ${RECORD} that cannot be read: it is damaged, or of a later version of Keyslot`,
    );
  }
  const foreign = readdirSync(folder).filter((name) => !IGNORED.has(name));
  if (foreign.length === 0) return undefined;
  const names = foreign.slice(0, MOST_NAMED).join(', ') + (foreign.length > MOST_NAMED ? ', …' : '');
  throw new LocalClusterError(
    'FOLDER_UNUSABLE',
    `The folder ${folder} has other files (${names}) and no local cluster; name a new or an empty folder`,
  );
}

/** Returns whether a folder holds a local cluster. */
export function holdsCluster(folder: string): boolean {
  return existsSync(join(folder, RECORD));
}
