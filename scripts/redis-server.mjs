import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cache, isProgram, onPath } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';

const PROGRAMS = ['redis-server', 'valkey-server'];
const OWN_FOLDER = join(cache, 'redis');
const OWN_PROGRAM = join(OWN_FOLDER, 'redis-server');

const WHAT_TO_INSTALL = `No redis-server was found, and none could be provided. Do one of these:
  - install redis-server or valkey-server, 7 or newer
    (Debian, Ubuntu: apt-get install redis-server; Fedora: dnf install valkey; macOS: brew install redis)
  - name the program in KEYSLOT_REDIS_SERVER=/path/to/redis-server
  - for npm start, use a cluster that runs already: REDIS_CLUSTER_NODES=host:port,…`;

/**
 * Finds a server, or provides one.
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} for KEYSLOT_REDIS_SERVER
 */
export async function ensureRedisServer(signal) {
  const given = process.env.KEYSLOT_REDIS_SERVER?.trim();
  if (given) return given;
  for (const program of [...PROGRAMS.map(onPath), OWN_PROGRAM]) {
    if (program !== undefined && isProgram(program) && (await works(program))) return program;
  }
  return provide(signal);
}

async function provide(signal) {
  const reasons = [];
  for (const way of onPath('apt-get') === undefined ? [] : [installed, unpacked]) {
    signal?.throwIfAborted();
    try {
      const program = await way(signal);
      if (program !== undefined) return program;
    } catch (error) {
      if (signal?.aborted) throw error;
      reasons.push([error.message, ...(error.output ?? '').trim().split('\n').slice(-3)].join('\n    '));
    }
  }
  const tried =
    reasons.length === 0 ? '' : `\nWhat was tried:\n${reasons.map((one) => `  - ${one}`).join('\n')}`;
  throw new Error(WHAT_TO_INSTALL + tried);
}

/**
 * Where we are root: by the package manager. `redis-tools` and not `redis-server`, because it is the package that
 * holds the program (one file that acts by the name it is called by), whereas `redis-server` adds a system
 * service which would start now and at every boot, a user and a configuration. So a library is what stays behind.
 */
async function installed(signal) {
  if (process.getuid?.() !== 0) return undefined;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    run(
      'apt-get',
      ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'redis-tools'],
      {
        env,
        signal,
      },
    );
  await withProgress('Installing redis-tools (apt-get)', async () => {
    try {
      await install();
    } catch {
      // no package lists yet, or old ones
      await run('apt-get', ['update'], { env, signal });
      await install();
    }
  });
  const program = onPath('redis-server') ?? onPath('redis-check-rdb');
  if (program === undefined) return undefined;
  rmSync(OWN_FOLDER, { recursive: true, force: true });
  mkdirSync(OWN_FOLDER, { recursive: true });
  symlinkSync(program, OWN_PROGRAM);
  return (await works(OWN_PROGRAM)) ? OWN_PROGRAM : undefined;
}

/** Without root: Debian's packages, and those that they need and the system does not have, in our cache folder. */
async function unpacked(signal) {
  const staging = join(cache, `redis-${process.pid}`);
  const unpackedRoot = join(staging, 'root');
  mkdirSync(unpackedRoot, { recursive: true });
  try {
    await withProgress('Downloading redis-server', async () => {
      await download(staging, signal);
      for (const file of readdirSync(staging).filter((name) => name.endsWith('.deb'))) {
        await run('dpkg', ['-x', file, unpackedRoot], { cwd: staging, signal });
        rmSync(join(staging, file));
      }
    });
    for (const program of ['redis-server', 'redis-cli']) {
      writeFileSync(join(staging, program), launcher(unpackedRoot, program), { mode: 0o755 });
    }
    if (!(await works(join(staging, 'redis-server')))) {
      throw new Error('The unpacked redis-server does not run here');
    }
    rmSync(OWN_FOLDER, { recursive: true, force: true });
    renameSync(staging, OWN_FOLDER);
    return OWN_PROGRAM;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** With the system's package lists, else with lists of our own, which need no root either. */
async function download(folder, signal) {
  try {
    await downloadWith([], folder, signal);
  } catch {
    signal?.throwIfAborted();
    const apt = join(cache, 'apt');
    mkdirSync(join(apt, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(apt, 'archives', 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::lists=${apt}/lists`, '-o', `Dir::Cache=${apt}`];
    // a hook of the system's may fail for want of root after the lists have arrived
    await run('apt-get', [...own, 'update'], { signal }).catch(() => signal?.throwIfAborted());
    await downloadWith(own, folder, signal).finally(() => rmSync(apt, { recursive: true, force: true }));
  }
}

async function downloadWith(aptOptions, folder, signal) {
  const plan = await run(
    'apt-get',
    [...aptOptions, '-s', '--no-install-recommends', 'install', 'redis-server'],
    {
      signal,
    },
  );
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);
  const names = new Set(['redis-server', 'redis-tools', ...missing]);
  await run('apt-get', [...aptOptions, 'download', ...names], { cwd: folder, signal });
}

/** A script that finds the libraries beside itself, wherever the folder is moved. */
function launcher(unpackedRoot, program) {
  const files = readdirSync(unpackedRoot, { recursive: true }).filter((file) => /\.so(\.\d+)*$/.test(file));
  const folders = [...new Set(files.map(dirname))].map((folder) => `$here/root/${folder}`);
  return `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="${[...folders].join(':')}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/root/usr/bin/${program}" "$@"
`;
}

async function works(program) {
  try {
    return /v=|version/i.test(await run(program, ['--version']));
  } catch {
    return false;
  }
}
