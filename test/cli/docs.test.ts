import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';
import { commandLine } from './keyslot-program.js';

/** The commands of docs/cli.md that are followed by their output. */
const EXAMPLES = [
  ...readFileSync(join(root, 'docs/cli.md'), 'utf8').matchAll(
    /^```sh\nnpx keyslot (.*)\n```\n\n```text\n([^]*?)^```$/gm,
  ),
].map(([, line, output]) => [line, output] as const);

it.each(EXAMPLES)('docs/cli.md shows what keyslot %s prints', async (line, output) => {
  expect(await commandLine(line.split(' '))).toEqual({ code: 0, stdout: output, stderr: '' });
});
