import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from './paths.mjs';
import { run } from './run.mjs';

const SOURCE = (suites) => `Types: deb
URIs: http://deb.debian.org/debian
Suites: ${suites.join(' ')}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

/**
 * Unpacks a Debian package, and those that it needs, into the folder `root` of a folder. Sources, lists and state are
 * our own: the system's stay as they are, and nothing counts as installed.
 * @param {string} folder
 * @param {string} tool the package
 * @param {readonly string[]} suites the package comes from the last of them
 * @param {(name: string) => boolean} isWanted which of the package and its dependencies to unpack
 * @param {AbortSignal} [signal]
 */
export async function unpackFromDebian(folder, tool, suites, isWanted, signal) {
  if (onPath('apt-get') === undefined)
    throw new Error(`${tool} comes from Debian's packages: apt-get and dpkg are needed`);
  const apt = join(folder, 'apt');
  for (const part of ['lists/partial', 'archives/partial', 'parts', 'state'])
    mkdirSync(join(apt, part), { recursive: true });
  writeFileSync(join(apt, 'own.sources'), SOURCE(suites));
  writeFileSync(join(apt, 'status'), '');
  const settings = [
    `Dir::Etc::sourcelist=${apt}/own.sources`,
    `Dir::Etc::sourceparts=${apt}/parts`,
    `Dir::State=${apt}/state`,
    `Dir::State::status=${apt}/status`,
    `Dir::State::lists=${apt}/lists`,
    `Dir::Cache=${apt}`,
    'APT::Sandbox::User=root', // the folder is not one that apt's own user may write to
  ];
  const own = settings.flatMap((setting) => ['-o', setting]);
  await run('apt-get', [...own, 'update'], { signal });
  const release = ['-t', suites.at(-1)];
  const plan = await run('apt-get', [...own, ...release, '-s', '--no-install-recommends', 'install', tool], {
    signal,
  });
  const needed = [...plan.matchAll(/^Inst (\S+) \((\S+)/gm)]
    .filter(([, name]) => isWanted(name))
    .map(([, name, version]) => `${name}=${version}`);
  await run('apt-get', [...own, 'download', ...needed], { cwd: folder, signal });
  rmSync(apt, { recursive: true });
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.deb'))) {
    await run('dpkg', ['-x', file, 'root'], { cwd: folder, signal });
    rmSync(join(folder, file));
  }
}
