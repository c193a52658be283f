import type { Argument } from '../../cluster/request-encoder.js';
import { Script } from '../../cluster/script.js';
import { refuseTooMany } from './member-count.js';
import type { Recipe } from './recipe.js';
import { temporaryKey, type Step } from './steps.js';

/**
 * Runs a command over keys some of which are made for it, and deleted again, in one piece.
 * KEYS: the command's keys. ARGV: for each of them what is to be restored there, or nothing; then the command's words,
 * with nothing in the place of each key.
 */
const RUN_OVER_COPIES = new Script(`
local copies, words, nextKey = {}, {}, 1
local function run()
  for i, key in ipairs(KEYS) do
    if ARGV[i] ~= '' then
      local restored = redis.pcall('RESTORE', key, 0, ARGV[i], 'REPLACE')
      if restored.err then return restored end
      copies[#copies + 1] = key
    end
  end
  for i = #KEYS + 1, #ARGV do
    words[#words + 1] = ARGV[i]
    if ARGV[i] == '' then
      words[#words] = KEYS[nextKey]
      nextKey = nextKey + 1
    end
  end
  return redis.pcall(unpack(words))
end
local reply = run()
for _, key in ipairs(copies) do redis.call('UNLINK', key) end
return reply`);

/**
 * Brings copies of the keys to the slot of the first, and runs the command there. The copies exist inside one
 * script only, which runs as a whole or not at all.
 */
export const overCopies =
  (command: string): Recipe =>
  async (steps, args) => {
    const keys = steps.keysOf(command, args);
    const { slot } = keys[0];
    const elsewhere = keys.filter((key) => key.slot !== slot);
    await refuseTooMany(
      steps,
      command.toUpperCase(),
      elsewhere.map(({ key }) => key),
    );
    const dumps = await steps.together<Buffer | null>(elsewhere.map(({ key }): Step => ['dump', key]));
    const names: Argument[] = [];
    const contents: Argument[] = [];
    const words: Argument[] = [command, ...args];
    for (const { index, key, slot: own } of keys) {
      const dump = own === slot ? null : dumps.shift();
      names.push(own === slot ? key : temporaryKey(slot));
      contents.push(dump ?? '');
      words[index + 1] = '';
    }
    return steps.script(RUN_OVER_COPIES, names, [...contents, ...words]);
  };
