import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackFromDebian } from './debian-packages.mjs';
import { cache } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { ensureRedisServer } from './redis-server.mjs';
import { run } from './run.mjs';

/**
 * The servers of npm run compat. Without `suites` it is the one that npm test uses; else Debian's `tool` package, which
 * holds the program, from the last of the suites. `optional` ones run when they are named: they come from suites that
 * change from day to day.
 */
export const SERVERS = {
  'redis-7.0': {},
  'valkey-8.0': { tool: 'valkey-tools', suites: ['bookworm', 'bookworm-backports'] },
  'redis-8.0': { tool: 'redis-tools', suites: ['trixie'] },
  'valkey-9': { tool: 'valkey-tools', suites: ['sid'], optional: true },
  'redis-8.6': { tool: 'redis-tools', suites: ['sid', 'experimental'], optional: true },
};

/**
 * Provides a server without installing anything: it and all libraries it needs, libc too, are unpacked into our cache.
 * @param {keyof typeof SERVERS} name
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} for KEYSLOT_REDIS_SERVER
 */
export async function provideServer(name, signal) {
  const { tool, suites } = SERVERS[name];
  if (tool === undefined) return ensureRedisServer(signal);
  const folder = join(cache, 'servers', name);
  const program = join(folder, 'server');
  if (existsSync(program)) return program;
  const staging = `${folder}-${process.pid}`;
  mkdirSync(join(staging, 'root'), { recursive: true });
  try {
    await withProgress(`Downloading ${name} from Debian ${suites.at(-1)}`, async () => {
      await unpackFromDebian(
        staging,
        tool,
        suites,
        (each) => each === tool || each.startsWith('lib'),
        signal,
      );
    });
    const kind = tool.slice(0, tool.indexOf('-'));
    // one file that acts by the name it is called by
    symlinkSync(`${kind}-check-rdb`, join(staging, 'root', 'usr', 'bin', `${kind}-server`));
    writeFileSync(join(staging, 'server'), launcher(join(staging, 'root'), `${kind}-server`), {
      mode: 0o755,
    });
    await run(join(staging, 'server'), ['--version'], { signal });
    rmSync(folder, { recursive: true, force: true });
    renameSync(staging, folder);
    return program;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** A script that starts the program by the loader and with the libraries beside it. */
function launcher(root, program) {
  const files = readdirSync(root, { recursive: true });
  const loader = files.find((file) => /(^|\/)ld-linux[^/]*\.so\.\d+$/.test(file));
  const libraries = new Set(files.filter((file) => /\.so(\.\d+)*$/.test(file)).map(dirname));
  return `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)/root
exec "$here/${loader}" --library-path "${[...libraries].map((folder) => `$here/${folder}`).join(':')}" "$here/usr/bin/${program}" "$@"
`;
}
