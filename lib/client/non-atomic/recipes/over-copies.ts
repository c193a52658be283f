import { InvalidArgumentError } from '../../../cluster/common/errors.js';
import type { Argument } from '../../../cluster/protocol/request-encoder.js';
import { Script } from '../../../cluster/scripts/script.js';
import { refuseTooMany } from './member-count.js';
import type { Recipe } from '../recipe.js';
import { temporaryKey, type Step } from '../steps.js';

/**
 * Runs a command over keys, some of which are restored for it and deleted again, atomically. KEYS: the keys of
 * the command. ARGV: for each key, what to restore there, or an empty string; then the words of the command,
 * with an empty string in the place of each key.
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

/** How many words a script can pass to a command. */
const MOST_WORDS = 7_900;

/**
 * Copies the keys to the slot of the first, and runs the command there. The copies exist only inside one
 * script, which runs completely or not at all.
 */
export const overCopies =
  (command: string): Recipe =>
  async (steps, args) => {
    if (args.length > MOST_WORDS) {
      throw new InvalidArgumentError(
        'arguments',
        `nonAtomic.${command} takes at most ${MOST_WORDS} arguments over several slots, got ${args.length}; ` +
          'combine the keys in several calls',
      );
    }
    const places = steps.keyPlaces(command, args);
    const slot = steps.slotOf(args[places[0]]);
    const elsewhere = places.filter((place) => steps.slotOf(args[place]) !== slot);
    const foreign = elsewhere.map((place) => args[place]);
    await refuseTooMany(steps, command.toUpperCase(), foreign);
    const dumps = await steps.together<Buffer | null>(foreign.map((key): Step => ['dump', key]));
    const names = new Map(places.map((place) => [place, args[place]]));
    const contents = new Map<number, Argument>(places.map((place) => [place, '']));
    elsewhere.forEach((place, i) => {
      names.set(place, temporaryKey(slot));
      contents.set(place, dumps[i] ?? '');
    });
    const words = args.map((argument, place) => (names.has(place) ? '' : argument));
    return steps.script(RUN_OVER_COPIES, [...names.values()], [...contents.values(), command, ...words]);
  };
