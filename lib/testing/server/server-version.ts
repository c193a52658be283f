import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LocalClusterError } from '../common/local-cluster-error.js';
import type { ServerBinary } from './server-binary.js';

const OLDEST_REDIS = 7;
const TIMEOUT_MS = 10_000;

/**
 * Rejects a server that is older than Redis 7. What does not say its version is left to its start.
 * @throws LocalClusterError `SERVER_TOO_OLD`
 */
export async function checkServerVersion({ command, args }: ServerBinary): Promise<void> {
  const said = await promisify(execFile)(command, [...args, '--version'], { timeout: TIMEOUT_MS }).then(
    ({ stdout }) => stdout,
    () => '',
  );
  const [, version, major] = /^Redis server v=((\d+)\.\S+)/m.exec(said) ?? [];
  if (version === undefined || Number(major) >= OLDEST_REDIS) return;
  throw new LocalClusterError(
    'SERVER_TOO_OLD',
    `${command} is Redis ${version}, and a local cluster needs Redis ${OLDEST_REDIS} or later, or Valkey. Install one, ` +
      'or name it in KEYSLOT_REDIS_SERVER.',
  );
}
