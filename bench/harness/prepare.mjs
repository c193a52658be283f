import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../../scripts/build.mjs';
import { ensureNodeModules } from '../../scripts/node-modules.mjs';
import { withProgress } from '../../scripts/progress.mjs';
import { ensureRedisServer } from '../../scripts/redis-server.mjs';
import { run } from '../../scripts/run.mjs';

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

// as in scripts/node-modules.mjs; none of the clients needs a script to be run at its installation
const INSTALL = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];

/** Installs and builds what is missing or stale: the package, and, if asked, the clients that it is measured against. */
export async function prepare(signal, { peers = true } = {}) {
  await ensureNodeModules(signal);
  await ensureBuilt('library', signal);
  if (!peers || installed()) return;
  await withProgress('Installing the other clients (npm install)', () =>
    run('npm', INSTALL, { cwd: bench, signal }),
  );
}

/**
 * The cluster to measure on: the one that REDIS_CLUSTER_NODES names, else one of our own, of so many primaries.
 * @returns {Promise<{ seeds: { host: string, port: number }[], stop: () => Promise<void> }>}
 */
export async function openCluster(signal, { primaries = 3 } = {}) {
  const given = process.env.REDIS_CLUSTER_NODES?.trim();
  if (given) return { seeds: given.split(',').map(addressOf), stop: async () => {} };
  process.env.KEYSLOT_REDIS_SERVER = await ensureRedisServer(signal);
  const { LocalCluster } = await import('../../dist/testing/index.js');
  const cluster = await withProgress(`Starting a cluster of ${primaries} primaries`, () =>
    LocalCluster.start({ primaries, replicasPerPrimary: 0, signal }),
  );
  return { seeds: cluster.seeds, stop: () => cluster.stop() };
}

/** The versions of the clients, as installed. */
export function clientVersions() {
  const { packages } = JSON.parse(readFileSync(join(bench, 'node_modules', '.package-lock.json'), 'utf8'));
  const { dependencies } = JSON.parse(readFileSync(join(bench, 'package.json'), 'utf8'));
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => [name, packages[`node_modules/${name}`].version]),
  );
}

function installed() {
  const wanted = packagesIn('package-lock.json');
  const found = packagesIn('node_modules/.package-lock.json');
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || found[path]?.version === version,
  );
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(join(bench, file), 'utf8')).packages;
  } catch {
    return {};
  }
}

function addressOf(text) {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).trim(), port: Number(text.slice(at + 1)) };
}
