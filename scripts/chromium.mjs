import { isProgram, onPath } from './paths.mjs';
import { withProgress } from './progress.mjs';
import { run } from './run.mjs';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const WHAT_TO_INSTALL = `No Chromium was found. Do one of these:
  - install it (Debian: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium)
  - name the program in KEYSLOT_CHROMIUM=/path/to/chromium`;

/**
 * Finds Chromium, or installs it where that takes no questions: as root, with apt-get.
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} for KEYSLOT_CHROMIUM
 */
export async function ensureChromium(signal) {
  const given = process.env.KEYSLOT_CHROMIUM?.trim();
  if (given) return given;
  const found = () => PROGRAMS.map(onPath).find((program) => program !== undefined && isProgram(program));
  if (found() === undefined && process.getuid?.() === 0 && onPath('apt-get') !== undefined)
    await install(signal);
  const program = found();
  if (program === undefined) throw new Error(WHAT_TO_INSTALL);
  return program;
}

async function install(signal) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...args) => run('apt-get', args, { env, signal });
  await withProgress('Installing chromium (apt-get)', async () => {
    // the package lists may be missing or old
    await aptGet('update').catch(() => signal?.throwIfAborted());
    await aptGet('install', '-y', '--no-install-recommends', 'chromium');
  });
}
