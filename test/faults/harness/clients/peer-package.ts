import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Where the clients that Keyslot is measured against are installed; `npm run bench` installs them on first use. */
const HOME = join(process.cwd(), 'bench', 'package.json');

/** A peer that is not there. */
export class PeerNotInstalledError extends Error {
  constructor(name: string) {
    super(`${name} is not installed in bench/; run: npm --prefix bench install --ignore-scripts`);
  }
}

/**
 * A package of bench/, with its version.
 * @throws PeerNotInstalledError
 */
export function peerPackage<T>(name: string): { exports: T; version: string } {
  const require = createRequire(HOME);
  try {
    const { version } = require(join(process.cwd(), 'bench', 'node_modules', name, 'package.json')) as {
      version: string;
    };
    return { exports: require(name) as T, version };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
      ? new PeerNotInstalledError(name)
      : error;
  }
}

/** What an error of a client says of itself, in a word; addresses and keys are left out so that alike count as one. */
export function wordOf(error: unknown): string {
  const {
    message = String(error),
    name = 'Error',
    code,
  } = error as { message?: string; name?: string; code?: string };
  const reply = /^[A-Z]{4,}\b/.exec(message)?.[0];
  return reply ?? code ?? (name === 'Error' ? message.slice(0, 40) : name);
}
