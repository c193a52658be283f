import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a folder that the test files of one run share, and names it to their processes. */
export default function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'keyslot-run-'));
  process.env.KEYSLOT_RUN_FOLDER = folder;
  globalThis.removeRunFolder = () => rmSync(folder, { recursive: true, force: true });
}
